// SPDX-License-Identifier: Apache-2.0
// YAML to Json, from the parser's events: aliases are seen (and refused) before they could be
// expanded, and depth is bounded while the document is read.
#include "base/yaml.h"

#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "base/detail/json_number.h"
#include "base/text.h"

namespace plinth {
namespace {

constexpr size_t kYamlBytesMax = 1u << 20;
constexpr size_t kYamlDepthMax = 64;
constexpr size_t kKeyBytesShownMax = 64;
constexpr std::string_view kStringTag = "tag:yaml.org,2002:str";

std::string at(const YAML::Mark& mark) {
  return "line " + std::to_string(mark.line + 1) + ", column " + std::to_string(mark.column + 1);
}

// How a refusal leaves yaml-cpp's parser; it never leaves parse_yaml.
struct Refusal {
  std::string message;
};

[[noreturn]] void refuse(const YAML::Mark& mark, const std::string& cause) {
  throw Refusal{at(mark) + ": " + cause};
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

// Digits in base 8 or 16 after 0o or 0x; nullopt when they are not such digits or past int64.
std::optional<int64_t> read_prefixed_integer(std::string_view text) {
  if (!text.starts_with("0o") && !text.starts_with("0x")) return std::nullopt;
  const int base = text[1] == 'o' ? 8 : 16;
  const std::string_view digits = text.substr(2);
  int64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc() || end != digits.data() + digits.size() || digits[0] == '-') {
    return std::nullopt;
  }
  return value;
}

// YAML's decimal forms (+1, 007, .5, 1.) in JSON's grammar; empty when the text is no number.
std::string json_number_text(std::string_view text) {
  std::string out;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    if (text[0] == '-') out = "-";
    text.remove_prefix(1);
  }
  const size_t whole_end = std::min(text.find_first_not_of("0123456789"), text.size());
  std::string_view whole = text.substr(0, whole_end);
  std::string_view rest = text.substr(whole_end);
  std::string_view fraction;
  if (rest.starts_with(".")) {
    rest.remove_prefix(1);
    const size_t fraction_end = std::min(rest.find_first_not_of("0123456789"), rest.size());
    fraction = rest.substr(0, fraction_end);
    rest.remove_prefix(fraction_end);
  }
  if (whole.empty() && fraction.empty()) return {};
  while (whole.size() > 1 && whole[0] == '0') whole.remove_prefix(1);
  out.append(whole.empty() ? "0" : whole);
  if (!fraction.empty()) out.append(".").append(fraction);
  out.append(rest);
  return json_number::classify(out) == json_number::Kind::none ? std::string() : out;
}

// A plain scalar by the core schema (YAML 1.2.2, section 10.3.2).
Json read_plain(const YAML::Mark& mark, const std::string& text) {
  if (is_one_of(text, {"", "~", "null", "Null", "NULL"})) return Json();
  if (is_one_of(text, {"true", "True", "TRUE"})) return Json(true);
  if (is_one_of(text, {"false", "False", "FALSE"})) return Json(false);
  const std::string_view unsigned_text =
      std::string_view(text).substr(text[0] == '+' || text[0] == '-' ? 1 : 0);
  if (is_one_of(unsigned_text, {".inf", ".Inf", ".INF"}) ||
      is_one_of(text, {".nan", ".NaN", ".NAN"})) {
    refuse(mark, "a number must be finite");
  }
  if (const auto integer = read_prefixed_integer(text)) return Json(*integer);
  const std::string number = json_number_text(text);
  if (number.empty()) return Json(text);
  Result<Json> parsed = Json::parse(number);
  if (parsed.is_error()) refuse(mark, "the number is too large for a double");
  return std::move(parsed).value();
}

class JsonBuilder final : public YAML::EventHandler {
 public:
  Json take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  // Comes without its text: whether the key was written null, ~ or not at all cannot be told.
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    if (is_key_next()) refuse(mark, "a key must not be null; quote it if it is meant as text");
    add(mark, Json(), "");
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(mark, "aliases are not allowed; write the value out");
  }
  // yaml-cpp's tag: "?" for a plain scalar, "!" for a quoted one, else the tag as written.
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& text) override {
    // yaml-cpp writes the escapes \N and \_ as single bytes.
    if (!is_utf8(text)) refuse(mark, "the escapes \\N and \\_ are not allowed; use \\x85 or \\xa0");
    if (tag == "!" || tag == kStringTag) return add(mark, Json(text), text);
    if (!tag.empty() && tag != "?") refuse(mark, "the tag '" + tag + "' is not allowed");
    add(mark, is_key_next() ? Json(text) : read_plain(mark, text), text);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, Json::array());
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, Json::object());
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    YAML::Mark mark;
    Json value;
    std::optional<std::string> key;  // of the member whose value comes next
    std::set<std::string> keys;
  };

  bool is_key_next() const {
    return !frames_.empty() && frames_.back().value.is_object() && !frames_.back().key;
  }

  void open(const YAML::Mark& mark, const std::string& tag, Json empty) {
    if (!tag.empty() && tag != "?" && tag != "!") {
      refuse(mark, "the tag '" + tag + "' is not allowed");
    }
    if (is_key_next()) refuse(mark, "a key must be a scalar");
    if (frames_.size() >= kYamlDepthMax) {
      refuse(mark, "nested deeper than " + std::to_string(kYamlDepthMax) + " levels");
    }
    frames_.push_back({mark, std::move(empty), std::nullopt, {}});
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    add(frame.mark, std::move(frame.value), "");
  }

  void add(const YAML::Mark& mark, Json value, const std::string& text) {
    if (frames_.empty()) {
      root_ = std::move(value);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.value.is_array()) {
      frame.value.push(std::move(value));
    } else if (!frame.key) {
      if (!frame.keys.insert(text).second) {
        refuse(mark, "the key '" + shorten(text, kKeyBytesShownMax) + "' occurs twice");
      }
      frame.key = text;
    } else {
      frame.value.members_mutable().emplace_back(std::move(*frame.key), std::move(value));
      frame.key.reset();
    }
  }

  Json root_;
  std::vector<Frame> frames_;
};

}  // namespace

Result<Json> parse_yaml(std::string_view text) {
  if (text.size() > kYamlBytesMax) {
    return make_error(ErrorCode::too_large, "YAML text of " + std::to_string(text.size()) +
                                                " bytes; at most " + std::to_string(kYamlBytesMax) +
                                                " are read");
  }
  // yaml-cpp would guess UTF-16 from zero bytes and replace what is not Unicode.
  if (!is_utf8(text) || text.find('\0') != std::string_view::npos) {
    return make_error(ErrorCode::malformed, "YAML text must be UTF-8 without zero bytes");
  }
  try {
    // With the end marked, a quoted scalar that is never closed is an error and not a value that
    // lost its end.
    std::istringstream stream(std::string(text) + "\n...\n");
    YAML::Parser parser(stream);
    JsonBuilder builder;
    if (!parser.HandleNextDocument(builder)) return Json();
    JsonBuilder second;
    if (parser.HandleNextDocument(second)) {
      return make_error(ErrorCode::malformed, "expected one YAML document, got a second");
    }
    return builder.take();
  } catch (const Refusal& refusal) {
    return make_error(ErrorCode::malformed, refusal.message);
  } catch (const YAML::Exception& fault) {
    return make_error(ErrorCode::malformed, at(fault.mark) + ": " + fault.msg);
  }
}

}  // namespace plinth
