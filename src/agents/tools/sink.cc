// SPDX-License-Identifier: Apache-2.0
#include "agents/tools/sink.h"

#include "agents/tools/workspace.h"
#include "base/text.h"
#include "http/client.h"

namespace plinth::agents {
namespace {

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         static_cast<unsigned char>(c) >= 0x80;
}

// Characters that continue a path or a host name.
bool is_value_character(char c) {
  return is_letter_or_digit(c) || c == '_' || c == '-' || c == '/' || c == '\\' || c == '.' ||
         c == '@' || c == '%' || c == '~' || c == '+' || c == '=' || c == '&' || c == '#' ||
         c == '$' || c == '*';
}

bool is_quote(char c) { return c == '"' || c == '\'' || c == '`'; }

// A full stop, colon or the like after a value ends it only when nothing of the value follows.
bool is_end(std::string_view text, size_t at) {
  while (at < text.size() && (text[at] == '.' || text[at] == ':')) ++at;
  return at >= text.size() || !is_value_character(text[at]);
}

bool is_start(std::string_view text, size_t at) {
  if (at == 0) return true;
  const char before = text[at - 1];
  // "./a.txt" is a.txt
  if (before == '/' && at >= 2 && text[at - 2] == '.' && is_start(text, at - 2)) return true;
  return !is_value_character(before) && before != ':';
}

bool holds_path(std::string_view goal, std::string_view path) {
  // A bare word such as "notes" may stand in any sentence; without quotes it names no file.
  const bool is_plain_word = path.find_first_of("./") == std::string_view::npos;
  for (size_t at = goal.find(path); at != std::string_view::npos; at = goal.find(path, at + 1)) {
    const size_t end = at + path.size();
    if (!is_start(goal, at) || !is_end(goal, end)) continue;
    const bool is_quoted =
        at > 0 && end < goal.size() && is_quote(goal[at - 1]) && goal[end] == goal[at - 1];
    if (!is_plain_word || is_quoted) return true;
  }
  return false;
}

std::string_view without_final_punctuation(std::string_view word) {
  while (!word.empty() &&
         std::string_view(".,;:!?)]}>\"'`").find(word.back()) != std::string_view::npos) {
    word.remove_suffix(1);
  }
  return word;
}

// The addresses and bare host names of a goal, word by word.
bool holds_host(std::string_view goal, std::string_view origin) {
  constexpr std::string_view kBetween = " \t\r\n\"'`<>()[]{},;|";
  size_t at = 0;
  while (at < goal.size()) {
    const size_t start = goal.find_first_not_of(kBetween, at);
    if (start == std::string_view::npos) return false;
    size_t end = goal.find_first_of(kBetween, start);
    if (end == std::string_view::npos) end = goal.size();
    const std::string word =
        lower_ascii(without_final_punctuation(goal.substr(start, end - start)));
    const bool is_address = word.starts_with("http://") || word.starts_with("https://");
    if (is_address) {
      const auto url = http::parse_url(word);
      if (url.is_ok() && url->origin() == origin) return true;
    } else if (word == origin || word + ":80" == origin || word + ":443" == origin) {
      return true;
    }
    at = end;
  }
  return false;
}

// Stands for a value that names no sink: the value itself may hold a secret, and decisions are kept
// for good.
constexpr std::string_view kUnreadable = "?";

constexpr size_t kSourceIdBytesMax = 512;

bool is_file_among_sources(const std::string& path, const guard::Label& label) {
  const std::string id = source_id_of_file(path);
  for (const auto& source : label.integrity.sources()) {
    if (source.trust == guard::Trust::trusted) continue;
    // A label with too many sources no longer names them: any file may be among those.
    if (source.kind == guard::kManySourcesKind) return true;
    if (source.kind == "file" && source_id_of_file(source.id) == id) return true;
  }
  return false;
}

}  // namespace

std::optional<Sink> sink_of(const ToolRow& row, const Json& arguments) {
  if (row.sink_parameter.empty()) return std::nullopt;
  const std::string& value = arguments[row.sink_parameter].as_string();
  if (row.sink_kind == "web") {
    const auto url = http::parse_url(lower_ascii(value));
    return Sink{"web", url.is_ok() ? url->origin() : std::string(kUnreadable)};
  }
  const auto parts = split_path(value);
  return Sink{std::string(row.sink_kind),
              parts.is_ok() ? join(*parts, "/") : std::string(kUnreadable)};
}

bool is_named_in_goal(const Sink& sink, std::string_view goal) {
  if (sink.id.empty() || sink.id == kUnreadable) return false;
  return sink.kind == "web" ? holds_host(goal, sink.id) : holds_path(goal, sink.id);
}

std::string source_id_of_file(std::string_view path) {
  const auto parts = split_path(path);
  const std::string normal = parts.is_ok() ? join(*parts, "/") : std::string(path);
  return normal.empty() ? "." : shorten(normal, kSourceIdBytesMax);
}

bool is_endorsed(const Sink& sink, std::string_view goal, const guard::Label& label) {
  if (!is_named_in_goal(sink, goal)) return false;
  return sink.kind != "file" || !is_file_among_sources(sink.id, label);
}

}  // namespace plinth::agents
