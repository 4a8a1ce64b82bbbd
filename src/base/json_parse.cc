// SPDX-License-Identifier: Apache-2.0
// Json::parse: one walk with simdjson's on-demand parser. That parser checks only what its caller
// reads, so every token is read and checked here: number grammar, literals, duplicate keys, depth,
// the end of the text.
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/detail/json_number.h"
#include "base/json.h"
#include "base/text.h"

namespace plinth {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr size_t kSmallObjectMembers = 16;  // up to here duplicate keys are sought pair by pair
constexpr size_t kKeptParserBytesMax = 1u
                                       << 20;  // a parser grown past this is not kept by its thread
constexpr size_t kKeyBytesShownMax = 64;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

size_t offset_of_invalid_utf8(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    size_t length = 1;
    while (length < 4 && at + length < text.size() &&
           (static_cast<unsigned char>(text[at + length]) & 0xc0) == 0x80) {
      ++length;
    }
    if (!is_utf8(text.substr(at, length))) break;
    at += length;
  }
  return at;
}

// Where a string is not closed or holds a raw control character: simdjson's first stage does not
// say.
size_t offset_of_string_fault(std::string_view text) {
  bool is_in_string = false;
  size_t string_start = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!is_in_string) {
      is_in_string = text[i] == '"';
      string_start = i;
    } else if (static_cast<unsigned char>(text[i]) < 0x20) {
      return i;
    } else if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      is_in_string = false;
    }
  }
  return is_in_string ? string_start : text.size();
}

std::string_view trim_json_space(std::string_view token) {
  const size_t last = token.find_last_not_of(" \t\r\n");
  return last == std::string_view::npos ? std::string_view() : token.substr(0, last + 1);
}

// A key that occurs twice. Sorting, not hashing: chosen keys must not make this slow.
std::optional<std::string_view> duplicate_key(const Json::Object& members) {
  if (members.size() <= kSmallObjectMembers) {
    for (size_t i = 1; i < members.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (members[i].first == members[j].first) return members[i].first;
      }
    }
    return std::nullopt;
  }
  std::vector<std::string_view> keys;
  keys.reserve(members.size());
  for (const Json::Member& member : members) keys.push_back(member.first);
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice == keys.end()) return std::nullopt;
  return *twice;
}

}  // namespace

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text), padded_(text.size() + 2) {}

  // The text is read as the only item of an array: one path then serves scalars and containers
  // alike.
  Result<Json> read(ondemand::parser& parser) {
    padded_.data()[0] = '[';
    if (!text_.empty()) std::memcpy(padded_.data() + 1, text_.data(), text_.size());
    padded_.data()[text_.size() + 1] = ']';
    if (const auto error = parser.iterate(padded_).get(document_)) return first_stage_fault(error);
    ondemand::array items;
    if (const auto error = document_.get_array().get(items)) return fault(error);
    std::optional<Json> result;
    for (auto next : items) {
      ondemand::value item;
      if (const auto error = next.get(item)) return fault(error);
      if (result) return fault("content after the end of the value");
      result = TRY(read_value(item, 0));
    }
    if (!result) return fault("no value");
    // Past the last token there is no location: anything else is left-over text.
    if (document_.current_location().error() != simdjson::OUT_OF_BOUNDS) {
      return fault("content after the end of the value");
    }
    return std::move(*result);
  }

 private:
  // Recursion is bounded by Json::kDepthMax.
  Result<Json> read_value(ondemand::value& value, size_t depth) {
    const std::string_view token = trim_json_space(value.raw_json_token());
    offset_ = static_cast<size_t>(token.data() - padded_.data()) - 1;
    switch (token.empty() ? '\0' : token[0]) {
      case '{':
      case '[':
        if (depth >= Json::kDepthMax) {
          return fault("nested deeper than " + std::to_string(Json::kDepthMax) + " levels");
        }
        return token[0] == '{' ? read_object(value, depth) : read_array(value, depth);
      case '"': {
        std::string_view string;
        if (const auto error = value.get_string().get(string)) return fault(error);
        return Json(string);
      }
      case 't':
        if (token == "true") return Json(true);
        return fault("not a JSON value");
      case 'f':
        if (token == "false") return Json(false);
        return fault("not a JSON value");
      case 'n':
        if (token == "null") return Json();
        return fault("not a JSON value");
      default:
        return read_number(token);
    }
  }

  Result<Json> read_object(ondemand::value& value, size_t depth) {
    const size_t start = offset_;
    ondemand::object object;
    if (const auto error = value.get_object().get(object)) return fault(error);
    Json::Object members;
    for (auto next : object) {
      ondemand::field field;
      if (const auto error = std::move(next).get(field)) return fault(error);
      std::string_view key;
      if (const auto error = field.unescaped_key().get(key)) return fault(error);
      members.emplace_back(std::string(key), Json());
      members.back().second = TRY(read_value(field.value(), depth + 1));
    }
    if (const auto key = duplicate_key(members)) {
      // Where the second one stands is not known by now; where the object begins is.
      return make_error(ErrorCode::malformed, "the object that begins at offset " +
                                                  std::to_string(start) + " has the key \"" +
                                                  shorten(*key, kKeyBytesShownMax) + "\" twice");
    }
    return Json(std::move(members));
  }

  Result<Json> read_array(ondemand::value& value, size_t depth) {
    ondemand::array array;
    if (const auto error = value.get_array().get(array)) return fault(error);
    Json::Array items;
    for (auto next : array) {
      ondemand::value item;
      if (const auto error = next.get(item)) return fault(error);
      items.push_back(TRY(read_value(item, depth + 1)));
    }
    return Json(std::move(items));
  }

  Result<Json> read_number(std::string_view token) {
    const json_number::Kind kind = json_number::classify(token);
    if (kind == json_number::Kind::none) return fault("not a JSON value");
    if (kind == json_number::Kind::integer) {
      int64_t integer = 0;
      const auto parsed = std::from_chars(token.data(), token.data() + token.size(), integer);
      if (parsed.ec == std::errc()) return Json(integer);
    }
    const std::optional<double> number = json_number::read_real(token);
    if (!number) return fault("the number is too large for a double");
    return Json::of_number({*number, std::string(token)});
  }

  Error first_stage_fault(simdjson::error_code error) {
    if (error == simdjson::UTF8_ERROR) {
      offset_ = offset_of_invalid_utf8(text_);
    } else if (error == simdjson::UNESCAPED_CHARS || error == simdjson::UNCLOSED_STRING) {
      offset_ = offset_of_string_fault(text_);
    }
    return fault(error);
  }

  Error fault(simdjson::error_code error) {
    return fault(std::string(simdjson::error_message(error)));
  }

  // Names the start of the last token that was read, or of the string at fault.
  Error fault(const std::string& cause) {
    const size_t offset = std::min(offset_, text_.size());
    return make_error(ErrorCode::malformed, "offset " + std::to_string(offset) + ": " + cause);
  }

  const std::string_view text_;
  simdjson::padded_string padded_;  // '[' + text_ + ']'
  ondemand::document document_;
  size_t offset_ = 0;  // in text_, of the last token
};

Result<Json> Json::parse(std::string_view text) {
  if (text.size() > kTextBytesMax) {
    return make_error(ErrorCode::too_large, "JSON text of " + std::to_string(text.size()) +
                                                " bytes; at most " + std::to_string(kTextBytesMax) +
                                                " are read");
  }
  if (text.starts_with(kByteOrderMark)) {
    return make_error(ErrorCode::malformed, "offset 0: a byte order mark is not allowed");
  }
  JsonReader reader(text);
  if (text.size() > kKeptParserBytesMax) {
    ondemand::parser parser;
    return reader.read(parser);
  }
  static thread_local ondemand::parser parser;
  return reader.read(parser);
}

}  // namespace plinth
