// SPDX-License-Identifier: Apache-2.0
// Splitting and decoding of request targets (RFC 9112, section 3.2).
#include "http/server/target.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace plinth::http {
namespace {

Error bad_target(std::string_view cause) {
  return make_error(ErrorCode::malformed, "the request target " + std::string(cause));
}

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

enum class Plus { literal, space };

Result<std::string> percent_decode(std::string_view text, Plus plus) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus == Plus::space) {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      const auto high = i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
      const auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
      if (!high || !low) return bad_target("has a broken percent code");
      decoded += static_cast<char>(*high * 16 + *low);
      i += 2;
    }
  }
  if (decoded.find('\0') != std::string::npos) return bad_target("holds a NUL byte");
  if (!is_utf8(decoded)) return bad_target("is not UTF-8 once decoded");
  return decoded;
}

Result<std::string> decode_path(std::string_view raw) {
  if (raw.empty() || raw.front() != '/') return bad_target("does not begin with a slash");
  std::string path;
  for (const std::string_view segment : split(raw.substr(1), '/')) {
    const std::string decoded = TRY(percent_decode(segment, Plus::literal));
    if (decoded.find_first_of("/\\") != std::string::npos) {
      return bad_target("holds an encoded slash or a backslash");
    }
    if (decoded == "." || decoded == "..") return bad_target("holds a '.' or '..' segment");
    path += '/';
    path += decoded;
  }
  return path;
}

Result<std::map<std::string, std::string>> decode_query(std::string_view raw) {
  std::map<std::string, std::string> query;
  for (const std::string_view pair : split(raw, '&')) {
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    std::string name = TRY(percent_decode(pair.substr(0, equals), Plus::space));
    std::string value;
    if (equals < pair.size()) value = TRY(percent_decode(pair.substr(equals + 1), Plus::space));
    query.emplace(std::move(name), std::move(value));
  }
  return query;
}

}  // namespace

Result<Target> parse_target(std::string_view method, std::string_view target) {
  Target parsed;
  for (const unsigned char c : target) {
    if (c <= ' ' || c >= 0x7f) return bad_target("holds a byte outside printable ASCII");
    if (c == '#') return bad_target("holds a fragment");
  }
  if (target == "*") {
    if (method != "OPTIONS") return bad_target("'*' is for OPTIONS only");
    parsed.path = "*";
    return parsed;
  }
  constexpr std::string_view kScheme = "http://";
  if (target.starts_with(kScheme)) {
    const std::string_view rest = target.substr(kScheme.size());
    const size_t end = std::min(rest.find_first_of("/?"), rest.size());
    parsed.authority = lower_ascii(rest.substr(0, end));
    if (parsed.authority.empty()) return bad_target("names no host");
    target = rest.substr(end);
    if (target.empty()) target = "/";
  }
  const size_t question = std::min(target.find('?'), target.size());
  parsed.path = TRY(decode_path(target.substr(0, question)));
  if (question < target.size()) parsed.query = TRY(decode_query(target.substr(question + 1)));
  return parsed;
}

}  // namespace plinth::http
