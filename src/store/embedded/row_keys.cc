// SPDX-License-Identifier: Apache-2.0
// Row keys: built from checked parts, so that no two names can share a key.
#include "store/embedded/row_keys.h"

#include <algorithm>

#include "base/text.h"
#include "store/embedded/bytes.h"

namespace plinth::store {
namespace {

constexpr char kEntry = 'E';
constexpr char kHead = 'H';
constexpr char kNote = 'N';
constexpr char kRemembered = 'R';
constexpr char kValue = 'V';
constexpr char kSubject = 'K';
constexpr char kErased = 'X';

bool is_part_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == ':' || c == '-';
}

void append_part(std::string& row, std::string_view part) { row.append(part).push_back('\0'); }

std::string stream_row(char kind_of_row, const StreamName& stream) {
  std::string row(1, kind_of_row);
  append_part(row, stream.tenant);
  append_part(row, stream.kind);
  append_part(row, stream.id);
  return row;
}

}  // namespace

Status check_part(std::string_view what, std::string_view part) {
  const bool is_good = !part.empty() && part.size() <= kPartBytesMax &&
                       std::all_of(part.begin(), part.end(), is_part_character);
  if (is_good) return ok();
  return make_error(ErrorCode::invalid_argument,
                    std::string(what) + " '" + shorten(part, kPartBytesMax) +
                        "' must have 1 to 128 characters of A-Z a-z 0-9 . _ : -",
                    std::string(what));
}

Status check_tenant(std::string_view tenant) {
  TRY(check_part("tenant", tenant));
  if (tenant[0] != '.') return ok();
  return make_error(ErrorCode::invalid_argument,
                    "tenant '" + std::string(tenant) + "' must not start with a dot", "tenant");
}

Status check_stream(const StreamName& stream) {
  TRY(check_tenant(stream.tenant));
  TRY(check_part("stream kind", stream.kind));
  return check_part("stream id", stream.id);
}

Status check_key(std::string_view key) {
  const size_t first = key.find('/');
  const size_t second = first == std::string_view::npos ? first : key.find('/', first + 1);
  const bool is_printable = std::all_of(key.begin(), key.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  });
  if (second == std::string_view::npos || second == first + 1 || second + 1 == key.size() ||
      key.size() > kKeyBytesMax || !is_printable) {
    return make_error(ErrorCode::invalid_argument,
                      "key '" + shorten(key, kPartBytesMax) +
                          "' must be tenant/kind/name in at most 512 printable bytes",
                      "key");
  }
  return check_tenant(key.substr(0, first));
}

std::string tenant_of_key(std::string_view key) {
  return std::string(key.substr(0, key.find('/')));
}

std::string entry_row(const StreamName& stream, Sequence sequence) {
  std::string row = stream_row(kEntry, stream);
  append_be64(row, sequence);
  return row;
}

std::string head_row(const StreamName& stream) { return stream_row(kHead, stream); }

std::string head_rows_of(std::string_view tenant, std::string_view kind) {
  std::string row = head_rows_of_tenant(tenant);
  append_part(row, kind);
  return row;
}

std::string head_rows_of_tenant(std::string_view tenant) {
  std::string row(1, kHead);
  append_part(row, tenant);
  return row;
}

std::string_view head_rows() { return "H"; }

std::string remembered_rows_of(const StreamName& stream) { return stream_row(kRemembered, stream); }

std::string remembered_row(const StreamName& stream, uint8_t slot) {
  std::string row = stream_row(kRemembered, stream);
  row.push_back(static_cast<char>(slot));
  return row;
}

std::string value_row(std::string_view key) { return std::string(1, kValue).append(key); }

std::string note_row(std::string_view name) { return std::string(1, kNote).append(name); }

Result<StreamName> stream_of_head_row(std::string_view row) {
  ByteReader reader(row);
  const auto kind_of_row = reader.byte();
  const auto tenant = reader.until_zero();
  const auto kind = reader.until_zero();
  const auto id = reader.until_zero();
  if (kind_of_row != kHead || !tenant || !kind || !id || !reader.rest().empty()) {
    return make_error(ErrorCode::corrupt, "a stream's head row has a key that names no stream");
  }
  return StreamName{std::string(*tenant), std::string(*kind), std::string(*id)};
}

std::string_view key_of_value_row(std::string_view row) { return row.substr(1); }

std::string subject_row(std::string_view tenant, std::string_view subject) {
  std::string row(1, kSubject);
  append_part(row, tenant);
  append_part(row, subject);
  return row;
}

std::string erased_row(std::string_view tenant, std::string_view subject, std::string_view key_id) {
  std::string row(1, kErased);
  append_part(row, tenant);
  append_part(row, subject);
  row.append(key_id);
  return row;
}

std::string prefix_end(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<uint8_t>(end.back()) + 1);
  return end;
}

}  // namespace plinth::store
