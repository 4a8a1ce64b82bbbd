// SPDX-License-Identifier: Apache-2.0
// Labels: where data came from (integrity) and who may read it (confidentiality). Derived data
// joins the labels of everything it was made from: sources unite, readers intersect. The join is
// associative, commutative and idempotent, and only ever lowers trust and narrows readers.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace plinth::guard {

enum class Trust : uint8_t { trusted, untrusted };

// One origin of data: {"user", "alice"}, {"tool", "http_get"}, {"file", "letter.txt"}, {"web",
// "example.org"}.
struct Source {
  std::string kind;
  std::string id;
  Trust trust = Trust::untrusted;
  auto operator<=>(const Source&) const = default;
};

// Kind of the one untrusted source that stands for more than kSourcesMax.
inline constexpr std::string_view kManySourcesKind = "many";

// The set of sources that influenced an item; empty: made by the platform itself, trusted.
class Integrity {
 public:
  static constexpr size_t kSourcesMax = 256;  // above it the join keeps one untrusted "many" source

  Integrity() = default;
  explicit Integrity(std::set<Source> sources);
  const std::set<Source>& sources() const { return sources_; }
  bool is_trusted() const;  // every source is trusted
  Integrity join(const Integrity& other) const;
  auto operator<=>(const Integrity&) const = default;

 private:
  std::set<Source> sources_;
};

// Who may read an item: everyone (public) or a set of principals' ids.
class Confidentiality {
 public:
  static Confidentiality everyone() { return Confidentiality(std::nullopt); }
  static Confidentiality only(std::set<std::string> readers) {
    return Confidentiality(std::move(readers));
  }
  bool is_public() const { return !readers_; }
  bool may_read(const std::string& principal) const {
    return !readers_ || readers_->contains(principal);
  }
  const std::optional<std::set<std::string>>& readers() const { return readers_; }
  Confidentiality join(const Confidentiality& other) const;
  auto operator<=>(const Confidentiality&) const = default;

 private:
  explicit Confidentiality(std::optional<std::set<std::string>> readers)
      : readers_(std::move(readers)) {}
  std::optional<std::set<std::string>> readers_;  // nullopt: public
};

struct Label {
  Integrity integrity;
  Confidentiality confidentiality = Confidentiality::everyone();

  Label join(const Label& other) const;
  Json to_json() const;
  static Result<Label> from_json(const Json& json);
  static Label of(Source source, Confidentiality confidentiality = Confidentiality::everyone());
  auto operator<=>(const Label&) const = default;
};

}  // namespace plinth::guard
