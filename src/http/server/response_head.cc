// SPDX-License-Identifier: Apache-2.0
// Writing answers. Fields that say where an answer ends are the server's own; a handler cannot set
// them.
#include "http/server/response_head.h"

#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <ctime>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "http/detail/fields.h"

namespace plinth::http {
namespace {

constexpr std::string_view kOwnFields[] = {"content-length", "transfer-encoding", "connection",
                                           "date", "keep-alive"};

bool has_no_body(int status) { return status / 100 == 1 || status == 204 || status == 304; }

void append_fields(std::string& out, const Headers& headers) {
  for (const auto& [name, value] : headers) {
    const std::string lower = lower_ascii(name);
    if (std::find(std::begin(kOwnFields), std::end(kOwnFields), lower) != std::end(kOwnFields)) {
      continue;
    }
    if (!is_token(name) || !is_field_value(value)) {
      log_event(LogLevel::warning, "http.field_refused", {{"name", shorten(lower, 64)}});
      continue;
    }
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
  }
}

std::string begin_head(int status, const Headers& headers) {
  namespace beast = boost::beast::http;
  const auto known = beast::int_to_status(static_cast<unsigned>(status));
  const auto reason = beast::obsolete_reason(known);
  std::string out = "HTTP/1.1 " + std::to_string(status) + " ";
  if (known != beast::status::unknown) out.append(reason.data(), reason.size());
  out += "\r\ndate: ";
  out += http_date(SystemClock().wall().unix_ms / 1000);
  out += "\r\n";
  append_fields(out, headers);
  return out;
}

}  // namespace

std::string encode_response(const ServerResponse& response, const AnswerForm& form) {
  std::string out = begin_head(response.status, response.headers);
  if (!has_no_body(response.status)) {
    out += "content-length: " + std::to_string(response.body.size()) + "\r\n";
  }
  if (!form.is_keep_alive) {
    out += "connection: close\r\n";
  } else if (form.is_http10) {
    out += "connection: keep-alive\r\n";
  }
  out += "\r\n";
  if (!form.is_head && !has_no_body(response.status)) out += response.body;
  return out;
}

std::string encode_stream_head(int status, const Headers& headers, const AnswerForm& form) {
  std::string out = begin_head(status, headers);
  if (!form.is_http10) out += "transfer-encoding: chunked\r\n";
  if (!form.is_keep_alive || form.is_http10) out += "connection: close\r\n";
  out += "\r\n";
  return out;
}

std::string encode_chunk(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string size;
  for (size_t left = bytes.size(); left > 0; left /= 16) size += kDigits[left % 16];
  std::reverse(size.begin(), size.end());
  std::string out;
  out.reserve(size.size() + bytes.size() + 4);
  out += size;
  out += "\r\n";
  out += bytes;
  out += "\r\n";
  return out;
}

std::string http_date(int64_t unix_seconds) {
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto seconds = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[parts.tm_wday],
                parts.tm_mday, kMonths[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour,
                parts.tm_min, parts.tm_sec);
  return text;
}

}  // namespace plinth::http
