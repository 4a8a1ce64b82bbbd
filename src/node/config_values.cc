// SPDX-License-Identifier: Apache-2.0
#include "node/config_values.h"

#include <algorithm>

#include "base/text.h"
#include "memory/memory.h"

namespace plinth::node {

namespace {

constexpr size_t kShownBytesMax = 128;
constexpr size_t kHostBytesMax = 262;  // a name of 253 with a port

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_all(std::string_view text, std::string_view also) {
  return std::ranges::all_of(text, [also](char c) {
    return is_letter_or_digit(c) || also.find(c) != std::string_view::npos;
  });
}

Error refused(std::string_view key, std::string_view value, std::string_view allowed) {
  return make_error(
      ErrorCode::invalid_argument,
      std::string(key) + ": '" + shorten(value, kShownBytesMax) + "': " + std::string(allowed),
      std::string(key));
}

}  // namespace

Status check_model_name(std::string_view name) {
  if (name == memory::kLexicalEmbedder) {
    return refused("name", name, "the built-in embedder has this name; choose another");
  }
  const auto parts = split(name, '/');
  const bool is_path_like = std::ranges::all_of(
      parts, [](std::string_view part) { return !part.empty() && part != "." && part != ".."; });
  if (name.size() <= kModelNameBytesMax && is_path_like && is_all(name, "._-+@:/")) return ok();
  return refused("name", name,
                 "expected 1 to 128 letters, digits or . _ - + @ : with single slashes between; on "
                 "the command line give it as NAME=FILE or NAME=URL");
}

// No colon, which parts it from the model's name.
Status check_adapter_name(std::string_view name) {
  constexpr size_t kAdapterNameBytesMax = 64;
  if (!name.empty() && name.size() <= kAdapterNameBytesMax && is_all(name, "._-")) return ok();
  return refused("adapters", name, "expected a name of 1 to 64 letters, digits or . _ -");
}

Status check_host(std::string_view host) {
  if (!host.empty() && host.size() <= kHostBytesMax && is_all(host, ".-_:[]")) return ok();
  return refused("allowed_hosts", host,
                 "expected a host as callers write it, NAME or NAME:PORT; there are no patterns, "
                 "list each");
}

Status check_origin(std::string_view origin) {
  const size_t colon = origin.find("://");
  const std::string_view scheme = origin.substr(0, std::min(colon, origin.size()));
  const std::string_view host =
      colon == std::string_view::npos ? std::string_view() : origin.substr(colon + 3);
  if (!scheme.empty() && is_all(scheme, "+-.") && !host.empty() && host.size() <= kHostBytesMax &&
      is_all(host, ".-_:[]")) {
    return ok();
  }
  return refused("allowed_origins", origin,
                 "expected an origin as a browser writes it, SCHEME://HOST[:PORT] without a path; "
                 "there are no patterns, list each");
}

Status check_values(const NodeConfig& config) {
  for (const auto& model : config.models) TRY(check_model_name(model.name));
  for (const auto& host : config.allowed_hosts) TRY(check_host(host));
  for (const auto& origin : config.allowed_origins) TRY(check_origin(origin));
  return ok();
}

}  // namespace plinth::node
