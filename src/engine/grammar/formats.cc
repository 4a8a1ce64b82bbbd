// SPDX-License-Identifier: Apache-2.0
// Sources: RFC 3339 (date, time, duration), RFC 9562 (uuid), RFC 2673 section 3.2 (ipv4), RFC 4291
// section 2.2 (ipv6), RFC 1123 (hostname), RFC 5321 (email), RFC 3986 (uri).
#include "engine/grammar/formats.h"

namespace plinth::engine::grammar {
namespace {

// Real days only: a leap year's number is divisible by 4, and by 400 where it ends in 00.
std::string date() {
  return "(?:\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|"
         "(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))|"
         "(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)";
}

// Without leap seconds, which are right only at some hours.
std::string time() {
  return "(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?"
         "(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)";
}

std::string date_time() { return date() + "T" + time(); }

std::string duration() {
  const std::string clock =
      "T(?:\\d{1,9}H(?:\\d{1,9}M(?:\\d{1,9}S)?)?|\\d{1,9}M(?:\\d{1,9}S)?|"
      "\\d{1,9}S)";
  const std::string days =
      "(?:\\d{1,9}Y(?:\\d{1,9}M(?:\\d{1,9}D)?)?|\\d{1,9}M(?:\\d{1,9}D)?|"
      "\\d{1,9}D)";
  return "P(?:\\d{1,9}W|" + days + "(?:" + clock + ")?|" + clock + ")";
}

std::string uuid() {
  return "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}";
}

std::string ipv4() {
  const std::string byte = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
  return byte + "(?:\\." + byte + "){3}";
}

std::string ipv6() {
  const std::string group = "[0-9a-fA-F]{1,4}";
  std::string pattern = "(?:(?:" + group + ":){7}" + group + "|(?:" + group + ":){1,7}:|::";
  // Groups before the two colons and after them, together at most seven.
  for (int before = 0; before <= 6; ++before) {
    const std::string after = std::to_string(6 - before);
    const std::string head =
        before == 0 ? std::string(":") : "(?:" + group + ":){" + std::to_string(before) + "}";
    for (const std::string_view part :
         {std::string_view("|"), std::string_view(head), std::string_view(":"),
          std::string_view(group), std::string_view("(?::"), std::string_view(group),
          std::string_view("){0,"), std::string_view(after), std::string_view("}")}) {
      pattern += part;
    }
  }
  return pattern + ")";
}

// Labels of at most 47 letters and digits with hyphens between them, at most five of them.
std::string hostname() {
  const std::string label = "[0-9A-Za-z]{1,15}(?:-[0-9A-Za-z]{1,15}){0,2}";
  return label + "(?:\\." + label + "){0,4}";
}

std::string email() {
  const std::string atom = "[0-9A-Za-z_+-]{1,20}";
  return atom + "(?:\\." + atom + "){0,2}@" + hostname();
}

std::string uri() {
  return "https?://" + hostname() +
         "(?::[1-9]\\d{0,3})?(?:/[0-9A-Za-z_.~-]*)*(?:\\?[0-9A-Za-z_.~=&-]*)?"
         "(?:#[0-9A-Za-z_.~-]*)?";
}

constexpr Format kFormats[] = {
    {"date", date},   {"time", time}, {"date-time", date_time}, {"duration", duration},
    {"uuid", uuid},   {"ipv4", ipv4}, {"ipv6", ipv6},           {"hostname", hostname},
    {"email", email}, {"uri", uri},
};

}  // namespace

std::span<const Format> format_table() { return kFormats; }

}  // namespace plinth::engine::grammar
