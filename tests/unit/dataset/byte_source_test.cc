// SPDX-License-Identifier: Apache-2.0
// Plain, gzip and zstd files: unpacked right or refused, never cut short in silence.
#include "engine/dataset/byte_source.h"

#include <sys/stat.h>

#include "source_testing.h"

namespace embstore {
namespace {

struct Bytes {
  std::string content;
  std::string error;
  bool operator==(const Bytes&) const = default;
};

Bytes Drain(ByteSource* source, std::size_t step = 1000) {
  Bytes bytes;
  std::string buffer(step, '\0');
  for (;;) {
    const Result<std::size_t> got = source->Read(buffer);
    if (!got.ok()) {
      bytes.error = got.status().message();
      CHECK(source->Read(buffer).status().message() == bytes.error);
      return bytes;
    }
    if (got.value() == 0) {
      CHECK(source->Read(buffer).value() == 0);
      return bytes;
    }
    bytes.content.append(buffer, 0, got.value());
  }
}

Bytes ReadFile(const std::filesystem::path& path, std::size_t step = 1000) {
  auto source = OpenByteSource(path);
  REQUIRE(source.ok());
  return Drain(source.value().get(), step);
}

std::string OpenError(const std::filesystem::path& path) {
  return OpenByteSource(path).status().message();
}

std::string Sample() {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "row " + std::to_string(i * 7919 % 3001) + "\n";
  return text;
}

constexpr std::string_view kGzipShort =
    "the gzip data end too early; the file is incomplete: copy or download it again";
constexpr std::string_view kZstdShort =
    "the zstd data end too early; the file is incomplete: copy or download it again";

TEST_CASE("dataset: plain, gzip and zstd are told by content and read the same") {
  const TestDirectory directory;
  const std::string text = Sample();
  for (const std::string& packed : {text, Gzip(text), Zstd(text)}) {
    const auto path = directory.Write("misleading.name", packed);
    for (const std::size_t step : {1, 7, 1000, 1 << 20}) {
      CHECK((ReadFile(path, step) == Bytes{text, ""}));
    }
  }
  CHECK((ReadFile(directory.Write("empty", "")) == Bytes{"", ""}));
  CHECK((ReadFile(directory.Write("one", "\x1f")) == Bytes{"\x1f", ""}));
}

TEST_CASE("dataset: several gzip members and zstd frames are read one after the other") {
  const TestDirectory directory;
  const std::string gzip = Gzip("a\n") + Gzip("") + Gzip(Sample()) + Gzip("z");
  CHECK((ReadFile(directory.Write("g", gzip)) == Bytes{"a\n" + Sample() + "z", ""}));
  const std::string skipped = std::string("\x50\x2a\x4d\x18\x03\0\0\0xyz", 11);
  const std::string zstd = skipped + Zstd("a\n") + Zstd("") + skipped + Zstd(Sample()) + Zstd("z");
  CHECK((ReadFile(directory.Write("z", zstd)) == Bytes{"a\n" + Sample() + "z", ""}));
}

TEST_CASE("dataset: packed data may arrive in chunks of every size") {
  const std::string text = Sample().substr(0, 500);
  for (const std::size_t chunk : ChunkSizes()) {
    CAPTURE(chunk);
    const std::string gzip = Gzip(text) + Gzip(text);
    const std::string zstd = Zstd(text) + Zstd(text);
    CHECK((Drain(MakeGzipSource(Chunked(gzip, chunk)).value().get()) == Bytes{text + text, ""}));
    CHECK((Drain(MakeZstdSource(Chunked(zstd, chunk)).value().get()) == Bytes{text + text, ""}));
  }
}

TEST_CASE("dataset: every truncation of gzip and zstd data is an error") {
  const std::string text = Sample().substr(0, 600);
  const std::string gzip = Gzip(text);
  const std::string zstd = Zstd(text);
  for (std::size_t size = 1; size < gzip.size(); ++size) {
    const Bytes bytes =
        Drain(MakeGzipSource(Chunked(std::string_view(gzip).substr(0, size), 64)).value().get());
    CHECK(bytes.error == kGzipShort);
    CHECK(text.starts_with(bytes.content));
  }
  for (std::size_t size = 1; size < zstd.size(); ++size) {
    const Bytes bytes =
        Drain(MakeZstdSource(Chunked(std::string_view(zstd).substr(0, size), 64)).value().get());
    CHECK(bytes.error == kZstdShort);
    CHECK(text.starts_with(bytes.content));
  }
}

TEST_CASE("dataset: a truncated second gzip member or zstd frame is an error") {
  const std::string first = Gzip("first\n");
  const std::string second = Gzip(Sample().substr(0, 100));
  for (std::size_t size = 1; size < second.size(); ++size) {
    const Bytes bytes =
        Drain(MakeGzipSource(Chunked(first + second.substr(0, size), 5)).value().get());
    CHECK(bytes.content.starts_with("first\n"));
    CHECK(bytes.error == kGzipShort);
  }
  const std::string frame = Zstd("first\n");
  const std::string next = Zstd(Sample().substr(0, 100));
  for (std::size_t size = 1; size < next.size(); ++size) {
    const Bytes bytes =
        Drain(MakeZstdSource(Chunked(frame + next.substr(0, size), 5)).value().get());
    CHECK(bytes.content.starts_with("first\n"));
    CHECK(bytes.error == kZstdShort);
  }
}

TEST_CASE("dataset: bytes after gzip and zstd data are an error, after what comes before") {
  for (const std::string& tail : {std::string("garbage garbage"), std::string(32, '\0')}) {
    const Bytes gzip = Drain(MakeGzipSource(Chunked(Gzip("text\n") + tail, 1000)).value().get());
    CHECK(gzip.content == "text\n");
    CHECK(gzip.error ==
          "other bytes follow the end of the gzip data; remove them, or pack the file again");
    const Bytes zstd = Drain(MakeZstdSource(Chunked(Zstd("text\n") + tail, 1000)).value().get());
    CHECK(zstd.content == "text\n");
    CHECK(zstd.error ==
          "other bytes follow the end of the zstd data; remove them, or pack the file again");
  }
}

TEST_CASE("dataset: every damaged bit of gzip and zstd data is an error or harmless") {
  const std::string text = Sample().substr(0, 600);
  for (const bool zstd : {false, true}) {
    const std::string packed = zstd ? Zstd(text) : Gzip(text);
    for (std::size_t bit = 0; bit < packed.size() * 8; ++bit) {
      std::string damaged = packed;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
      auto source =
          zstd ? MakeZstdSource(Chunked(damaged, 97)) : MakeGzipSource(Chunked(damaged, 97));
      const Bytes bytes = Drain(source.value().get());
      // A bit that only describes, such as gzip's time, may change without harm; a zstd frame may
      // become one that is skipped.
      const bool harmless = bytes.content == text || (bytes.content.empty() && bit / 8 < 4);
      CHECK((!bytes.error.empty() || harmless));
    }
  }
}

TEST_CASE("dataset: zstd data that need a huge window are refused") {
  const Bytes bytes = Drain(MakeZstdSource(Chunked(Zstd(Sample(), 28), 1000)).value().get());
  CHECK(bytes.error ==
        "unpacking the zstd data needs a window of more than 128 MiB; pack the file again "
        "without --long or --ultra");
  CHECK(Drain(MakeZstdSource(Chunked(Zstd(Sample(), 27), 1000)).value().get()).error.empty());
}

TEST_CASE("dataset: an error of the packed source passes through") {
  const Status broken(Code::kInvalidArgument, "broken");
  const std::string gzip = Gzip(Sample());
  const std::string zstd = Zstd(Sample());
  CHECK(Drain(MakeGzipSource(std::make_unique<MemorySource>(gzip.substr(0, 50), 9, broken))
                  .value()
                  .get())
            .error == "broken");
  CHECK(Drain(MakeZstdSource(std::make_unique<MemorySource>(zstd.substr(0, 50), 9, broken))
                  .value()
                  .get())
            .error == "broken");
}

TEST_CASE("dataset: only regular files are read, and a fifo is not waited for") {
  const TestDirectory directory;
  const auto fifo = directory.path() / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  const std::string what = " is not a regular file; name a file, not a directory, pipe or device";
  CHECK(OpenError(fifo) == "'" + fifo.string() + "'" + what);
  CHECK(OpenError(directory.path()) == "'" + directory.path().string() + "'" + what);
  CHECK(OpenError("/dev/null") == "'/dev/null'" + what);
  CHECK(OpenByteSource(fifo).code() == Code::kInvalidArgument);
  CHECK(OpenByteSource(directory.path() / "none").code() == Code::kNotFound);
  CHECK(OpenByteSource(directory.Write("file", "") / "below").code() == Code::kNotFound);
}

TEST_CASE("dataset: files packed in an unknown way are named for what they are") {
  using namespace std::string_view_literals;
  const TestDirectory directory;
  const auto error = [&](std::string_view head) {
    return OpenError(directory.Write("x", std::string(head) + std::string(100, 'x')));
  };
  const std::string prefix = "'" + (directory.path() / "x").string() + "' is a ";
  const std::string rest = " file, which cannot be read; unpack or convert it to CSV or JSONL";
  CHECK(error("\xfd"
              "7zXZ\0"sv) == prefix + "xz" + rest);
  CHECK(error("PK\x03\x04"sv) == prefix + "zip" + rest);
  CHECK(error("BZh91AY&SY"sv) == prefix + "bzip2" + rest);
  CHECK(error("PAR1"sv) == prefix + "Parquet" + rest);
}

}  // namespace
}  // namespace embstore
