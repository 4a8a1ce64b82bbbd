// SPDX-License-Identifier: Apache-2.0
// Files made to harm their reader, one row per class: how each is made, and what the refusal must
// name. The classes are those of published flaws in readers of this format (by CVE number) and of
// malformed files in general. Every file is its own allocation, so that a sanitizer sees any
// overrun.
#include <gtest/gtest.h>

#include <memory>

#include "engine/gguf/parse.h"
#include "engine/testing/gguf_writer.h"
#include "engine/testing/tiny_model.h"

namespace plinth::engine::gguf {
namespace {

using testing::GgufWriter;

constexpr uint32_t kU8 = 0, kU32 = 4, kI32 = 5, kF32 = 6, kBool = 7, kString = 8, kArray = 9;
constexpr uint64_t kHuge = UINT64_MAX;

std::string u32(uint32_t value) { return GgufWriter::encode_u32(value); }
std::string u64(uint64_t value) { return GgufWriter::encode_u64(value); }

std::string header(uint32_t version, uint64_t tensors, uint64_t entries) {
  return "GGUF" + u32(version) + u64(tensors) + u64(entries);
}

std::string entry(std::string_view key, uint32_t type, std::string_view encoded) {
  GgufWriter writer;
  writer.add_entry(key, type, encoded);
  return writer.build();
}

std::string array(uint32_t element, uint64_t count, std::string_view items = {}) {
  return entry("list", kArray, u32(element) + u64(count) + std::string(items));
}

// A sound tensor of 32 bytes, then one as given, then `data_bytes` of data in all.
std::string tensor(const std::vector<uint64_t>& dimensions, uint32_t type, uint64_t offset,
                   size_t data_bytes = 64, std::string_view name = "second") {
  GgufWriter writer;
  writer.add_tensor("first", {8}, 0, std::string(data_bytes, 'x'));
  writer.add_tensor_record(name, dimensions, type, offset);
  return writer.build();
}

std::string alignment(uint32_t type, uint32_t value) {
  return entry("general.alignment", type, u32(value));
}

std::string twice(bool is_tensor) {
  GgufWriter writer;
  for (int i = 0; i < 2; ++i) {
    if (is_tensor) {
      writer.add_tensor("same", {8}, 0, std::string(32, 'x'));
    } else {
      writer.add_u32("same", 1);
    }
  }
  return writer.build();
}

// The sum of both sizes wraps around to less than the file holds.
std::string sizes_that_wrap_together() {
  GgufWriter writer;
  constexpr uint64_t kHalf = (uint64_t{1} << 63) - 64;
  writer.add_tensor("first", {8}, 0, std::string(256, 'x'));
  writer.add_tensor_record("second", {kHalf}, 24, 32);
  writer.add_tensor_record("third", {kHalf}, 24, 32 + kHalf);
  return writer.build();
}

std::string cut(size_t bytes_from_end) {
  testing::TinyModel tiny;
  tiny.layers = 1;
  std::string bytes = testing::tiny_model_bytes(tiny);
  bytes.resize(bytes.size() - bytes_from_end);
  return bytes;
}

struct Row {
  const char* what;
  std::string (*make)();
  const char* named;  // must stand in the refusal
};

// Rows about one thing stand together: header, metadata, arrays, alignment, tensors, data.
const Row kFiles[] = {
    {"no magic", [] { return "FUGG" + header(3, 0, 0).substr(4); }, "magic"},
    {"nothing but the magic", [] { return std::string("GGUF"); }, "version"},
    {"version 0", [] { return header(0, 0, 0); }, "version"},
    {"version 1", [] { return header(1, 0, 0); }, "version: GGUF 1"},
    {"version of the future", [] { return header(4, 0, 0); }, "version: GGUF 4"},
    {"big-endian", [] { return header(0x03000000, 0, 0); }, "big-endian"},
    {"big-endian, version 2", [] { return header(0x02000000, 0, 0); }, "big-endian"},
    {"tensor count that overflows (CVE-2024-21836)", [] { return header(3, kHuge, 0); },
     "tensor count"},
    {"tensors that are not there", [] { return header(3, 60000, 0); }, "tensor name"},
    {"metadata count that overflows (CVE-2024-23605)", [] { return header(3, 0, kHuge); },
     "metadata count"},
    {"metadata that is not there", [] { return header(3, 0, 60000); }, "metadata key"},

    {"key length that overflows (CVE-2024-23496)", [] { return header(3, 0, 1) + u64(kHuge); },
     "metadata key"},
    {"key longer than the file", [] { return header(3, 0, 1) + u64(100) + "short"; },
     "metadata key"},
    {"key without a name", [] { return entry("", kU8, "x"); }, "the name is empty"},
    {"key that drives a terminal", [] { return entry("a\x1b[2J", kU8, "x"); }, "control character"},
    {"key that is not UTF-8", [] { return entry("a\xff", kU8, "x"); }, "metadata key"},
    {"key of 60,000 bytes", [] { return entry(std::string(60000, 'k'), 13, ""); }, "kkkk…"},
    {"key that appears twice", [] { return twice(false); }, "same: the key appears twice"},
    {"value type that is not defined", [] { return entry("odd", 13, "x"); }, "odd"},
    {"value type below zero", [] { return entry("odd", UINT32_MAX, "x"); }, "odd"},
    {"value that ends early", [] { return entry("short", kU32, "xy"); }, "short"},
    {"bool of 2", [] { return entry("flag", kBool, "\2"); }, "flag"},
    {"string length that overflows (CVE-2024-23496)",
     [] { return entry("text", kString, u64(kHuge)); }, "text"},
    {"string length just below the wrap", [] { return entry("text", kString, u64(kHuge - 7)); },
     "text"},
    {"string longer than the file", [] { return entry("text", kString, u64(1000) + "short"); },
     "text"},

    {"array count that overflows (CVE-2024-21825)", [] { return array(kU32, kHuge); }, "list"},
    {"array count whose bytes wrap to 0", [] { return array(kU32, uint64_t{1} << 62); }, "list"},
    {"array longer than the file", [] { return array(kF32, 1000, "abcd"); }, "list"},
    {"strings that are not there (CVE-2024-21825)", [] { return array(kString, 1 << 20); }, "list"},
    {"array with a string that overflows", [] { return array(kString, 2, u64(kHuge)); }, "list"},
    {"array of arrays", [] { return array(kArray, 1, u32(kArray) + u64(1)); }, "list"},
    {"array of a type that is not defined", [] { return array(13, 1, "x"); }, "list"},

    {"alignment that is no power of two", [] { return alignment(kU32, 13); }, "general.alignment"},
    {"alignment of 0", [] { return alignment(kU32, 0); }, "general.alignment"},
    {"alignment of 1", [] { return alignment(kU32, 1); }, "general.alignment"},
    {"alignment above 4096", [] { return alignment(kU32, 1 << 30); }, "general.alignment"},
    {"alignment of another type", [] { return alignment(kI32, 32); },
     "general.alignment: expected u32, the file holds i32"},

    {"tensor name that overflows", [] { return header(3, 1, 0) + u64(kHuge); }, "tensor name"},
    {"tensor name of 65 bytes", [] { return tensor({8}, 0, 32, 64, std::string(65, 'n')); },
     "tensor name"},
    {"tensor without a name", [] { return tensor({8}, 0, 32, 64, ""); }, "tensor name"},
    {"tensor that appears twice", [] { return twice(true); }, "same: the tensor appears twice"},
    {"no dimensions", [] { return tensor({}, 0, 32); }, "second"},
    {"five dimensions (CVE-2024-21802)", [] { return tensor({1, 1, 1, 1, 1}, 0, 32); }, "second"},
    {"dimension of 0", [] { return tensor({0, 8}, 0, 32); }, "second"},
    {"dimension below zero", [] { return tensor({kHuge}, 24, 32); }, "second"},
    {"dimensions that wrap to 0", [] { return tensor({1ull << 32, 1ull << 32}, 0, 32); }, "second"},
    {"dimensions that wrap to 8 (CVE-2026-33298)",
     [] { return tensor({1ull << 61, 8, 1, 1}, 24, 32); }, "second"},
    {"bytes that wrap (CVE-2026-33298)", [] { return tensor({1ull << 62}, 27, 32); }, "second"},
    {"rows of half a block", [] { return tensor({33}, 8, 32); }, "second"},
    {"tensor type that is not defined", [] { return tensor({32}, 77, 32); }, "second: tensor type"},
    {"tensor type below zero", [] { return tensor({32}, UINT32_MAX, 32); }, "second: tensor type"},
    {"tensor type that was taken back", [] { return tensor({32}, 4, 32); }, "second: tensor type"},

    {"offset off the alignment", [] { return tensor({4}, 0, 36); }, "second: offset"},
    {"offset outside the file", [] { return tensor({8}, 0, 4096); }, "second: its 32 bytes"},
    {"offset and size that wrap (CVE-2026-7482)", [] { return tensor({8}, 0, kHuge - 31); },
     "second: its 32 bytes"},
    {"more data than the file has (CVE-2026-7482)", [] { return tensor({1 << 20}, 0, 32); },
     "second: its 4194304 bytes"},
    {"sizes whose sum wraps (CVE-2025-53630, CVE-2026-27940)", sizes_that_wrap_together, "second"},
    {"tensors that overlap", [] { return tensor({8}, 0, 0); }, "overlaps another tensor"},
    {"data cut by a byte", [] { return cut(1); }, "past the end of the file"},
    {"data cut away", [] { return tensor({8}, 0, 32, 0); }, "past the end of the file"},
    {"data that should begin after the end",
     [] {
       const std::string whole = tensor({8}, 0, 32, 0);
       return whole.substr(0, whole.size() - 1);
     },
     "tensor data"},
};

// Parses a copy of its own, which ends where its allocation ends.
template <typename Use>
void with_exact_copy(const std::string& bytes, const Use& use) {
  const auto copy = std::make_unique<char[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), copy.get());
  use(std::string_view(copy.get(), bytes.size()));
}

TEST(HostileGguf, is_refused_with_the_field_named) {
  for (const Row& row : kFiles) {
    SCOPED_TRACE(row.what);
    with_exact_copy(row.make(), [&](std::string_view bytes) {
      const auto contents = parse(bytes);
      ASSERT_TRUE(contents.is_error());
      const Error& error = contents.error();
      EXPECT_TRUE(error.code == ErrorCode::malformed || error.code == ErrorCode::unsupported);
      EXPECT_NE(error.message.find(row.named), std::string::npos) << error.message;
      EXPECT_FALSE(error.param.empty()) << error.message;
      EXPECT_LT(error.message.size(), 500u);
    });
  }
}

TEST(HostileGguf, a_flipped_byte_anywhere_in_the_header_is_read_or_refused) {
  testing::TinyModel tiny;
  tiny.layers = 1;
  const std::string whole = testing::tiny_model_bytes(tiny);
  const size_t header_bytes = static_cast<size_t>(parse(whole)->data_offset);
  for (size_t at = 0; at < header_bytes; at += at < 1000 ? 1 : 7) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
    const auto contents = parse(bytes);
    if (contents.is_ok()) continue;
    EXPECT_FALSE(contents.error().param.empty()) << contents.error().message;
  }
}

}  // namespace
}  // namespace plinth::engine::gguf
