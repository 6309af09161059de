// SPDX-License-Identifier: Apache-2.0
#include "engine/hash/foreign_digest.h"

#include <doctest/doctest.h>

namespace embstore {
namespace {

// Of "abc", as the specifications of the algorithms print them.
TEST_CASE("foreign digest: each is that of its specification") {
  CHECK(DigestHex(ForeignDigest::kMd5, "abc") == "900150983cd24fb0d6963f7d28e17f72");
  CHECK(DigestHex(ForeignDigest::kSha1, "abc") == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(DigestHex(ForeignDigest::kSha256, "abc") ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(DigestHex(ForeignDigest::kSha512, "abc") ==
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
  CHECK(DigestHex(ForeignDigest::kBlake2b512, "abc") ==
        "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
        "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
}

TEST_CASE("foreign digest: raw bytes are what the hex says") {
  CHECK(DigestBytes(ForeignDigest::kMd5, "").size() == 16);
  CHECK(static_cast<unsigned char>(DigestBytes(ForeignDigest::kMd5, "")[0]) == 0xD4);
}

}  // namespace
}  // namespace embstore
