// SPDX-License-Identifier: Apache-2.0
// The journal entries of a memory space: "remember" with a whole record and its vector, "forget"
// with an id. JSON with a version; docs/journal_format.md says how entries are sealed.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "memory/memory.h"
#include "memory/records/hybrid_clock.h"

namespace plinth::memory {

inline constexpr int64_t kRecordFormat = 1;
inline constexpr size_t kAttributesBytesMax = 16u << 10;
inline constexpr size_t kRecordIdBytesMax = 128;

struct RememberEntry {
  Record record;
  HybridTime time;
  std::vector<float> vector;
};

struct ForgetEntry {
  std::string id;
  std::string principal;
  HybridTime time;
};

using SpaceEntry = std::variant<RememberEntry, ForgetEntry>;

std::string encode(const RememberEntry& entry);
std::string encode(const ForgetEntry& entry);
// corrupt; unsupported for a newer version or a kind of entry this build does not know.
Result<SpaceEntry> decode_space_entry(std::string_view body);

// 1 to 128 characters of A-Z a-z 0-9 . _ : -
Status check_record_id(std::string_view id);
// The journal subject of a record: its own, so that forgetting it erases it. Tells the space,
// because ids of two spaces may be equal, and hides the id, because subjects outlive their records.
std::string subject_of(std::string_view space, std::string_view id);

}  // namespace plinth::memory
