// SPDX-License-Identifier: Apache-2.0
#include "protocol/openai/logprobs.h"

#include <algorithm>

#include "base/text.h"

namespace plinth::protocol::openai {
namespace {

constexpr size_t kUpstreamEntriesMax = 1 << 16;  // of one reply or chunk
constexpr size_t kUpstreamTopMax = 20;
constexpr size_t kUpstreamTokenBytesMax = 1024;

// A token that is a part of a character shows a replacement; its bytes stand beside it.
std::string printable(const std::string& bytes) {
  return is_utf8(bytes) ? bytes : std::string("\xef\xbf\xbd");
}

Json encode_token(const TokenLogprob& token) {
  Json bytes = Json::array();
  for (const char byte : token.token) {
    bytes.push(static_cast<int64_t>(static_cast<unsigned char>(byte)));
  }
  return Json::object(
      {{"token", printable(token.token)}, {"logprob", token.logprob}, {"bytes", std::move(bytes)}});
}

TokenLogprob decode_token(const Json& token) {
  TokenLogprob decoded{token["token"].as_string(), token["logprob"].as_double()};
  const Json& bytes = token["bytes"];
  if (bytes.is_array()) {
    decoded.token.clear();
    for (const Json& byte : bytes.items()) {
      decoded.token.push_back(static_cast<char>(static_cast<unsigned char>(byte.as_int() & 0xff)));
    }
  }
  decoded.token.resize(std::min(decoded.token.size(), kUpstreamTokenBytesMax));
  return decoded;
}

// A completion's: lists beside each other.
std::vector<ChosenLogprob> decode_parallel(const Json& logprobs) {
  std::vector<ChosenLogprob> decoded;
  const Json::Array& tokens = logprobs["tokens"].items();
  const Json::Array& values = logprobs["token_logprobs"].items();
  const Json::Array& tops = logprobs["top_logprobs"].items();
  for (size_t i = 0; i < std::min(tokens.size(), values.size()); ++i) {
    if (decoded.size() >= kUpstreamEntriesMax) break;
    const auto bounded = [](std::string token, const Json& value) {
      token.resize(std::min(token.size(), kUpstreamTokenBytesMax));
      return TokenLogprob{std::move(token), value.as_double()};
    };
    ChosenLogprob& chosen = decoded.emplace_back();
    chosen.chosen = bounded(tokens[i].as_string(), values[i]);
    if (i >= tops.size()) continue;
    for (const auto& [token, value] : tops[i].members()) {
      if (chosen.top.size() >= kUpstreamTopMax) break;
      chosen.top.push_back(bounded(token, value));
    }
  }
  return decoded;
}

}  // namespace

Json encode_logprobs(const std::vector<ChosenLogprob>& logprobs) {
  if (logprobs.empty()) return nullptr;
  Json content = Json::array();
  for (const ChosenLogprob& entry : logprobs) {
    Json token = encode_token(entry.chosen);
    Json top = Json::array();
    for (const TokenLogprob& other : entry.top) top.push(encode_token(other));
    token.set("top_logprobs", std::move(top));
    content.push(std::move(token));
  }
  return Json::object({{"content", std::move(content)}, {"refusal", nullptr}});
}

std::vector<ChosenLogprob> decode_logprobs(const Json& logprobs) {
  if (logprobs["tokens"].is_array()) return decode_parallel(logprobs);
  std::vector<ChosenLogprob> decoded;
  for (const Json& entry : logprobs["content"].items()) {
    if (decoded.size() >= kUpstreamEntriesMax) break;
    ChosenLogprob& chosen = decoded.emplace_back();
    chosen.chosen = decode_token(entry);
    for (const Json& other : entry["top_logprobs"].items()) {
      if (chosen.top.size() >= kUpstreamTopMax) break;
      chosen.top.push_back(decode_token(other));
    }
  }
  return decoded;
}

}  // namespace plinth::protocol::openai
