// SPDX-License-Identifier: Apache-2.0
// Which addresses a key may be sent to.
#pragma once

#include <string>
#include <string_view>

#include "embstore/status.h"

namespace embstore {

/// A checked address. A value type.
struct CheckedUrl {
  std::string text;  ///< Normalised; without a slash at its end.
  std::string host;  ///< Lower case, IPv6 in brackets.
  bool plain_http = false;
};

/// Accepts https to any host and http to loopback hosts (127.0.0.0/8, [::1], localhost), or to any
/// host with `allow_plain_http`, without user, query or fragment. Link-local addresses and cloud
/// metadata services are refused. kInvalidArgument: anything else; the message says what is
/// allowed.
Result<CheckedUrl> CheckUrl(std::string_view text, bool allow_plain_http = false);

/// As CheckUrl, but a query may follow. Messages do not repeat it.
Result<CheckedUrl> CheckRequestUrl(std::string_view text, bool allow_plain_http = false);

/// `text` as one part of a path or query: all but letters, digits and "-._~" becomes %HH.
std::string UrlEncode(std::string_view text);

/// A proxy's address: empty, or http, https, socks5 or socks5h with a host; a user is allowed.
/// kInvalidArgument: anything else; the message does not repeat the address.
Status CheckProxy(std::string_view text);

/// The host of an absolute URL, or "" when there is none. For messages.
std::string UrlHost(std::string_view text);

}  // namespace embstore
