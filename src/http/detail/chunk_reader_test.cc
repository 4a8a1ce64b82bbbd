// SPDX-License-Identifier: Apache-2.0
// Chunked bodies, well formed and not, in every cut.
#include "http/detail/chunk_reader.h"

#include <gtest/gtest.h>

namespace plinth::http {
namespace {

struct Read {
  ChunkReader::Fault fault = ChunkReader::Fault::none;
  bool is_complete = false;
  size_t taken = 0;
  std::string body;
};

Read read_in_steps(std::string_view bytes, size_t step, uint64_t body_bytes_max = 1000) {
  ChunkReader reader(body_bytes_max);
  Read read;
  for (size_t at = 0; at < bytes.size() && !reader.is_complete(); at += step) {
    read.taken += reader.feed(bytes.substr(at, step), read.body);
    if (reader.fault() != ChunkReader::Fault::none) break;
  }
  read.fault = reader.fault();
  read.is_complete = reader.is_complete();
  return read;
}

TEST(ChunkReader, reads_a_body_in_every_cut_and_stops_at_its_end) {
  const std::string bodies[] = {
      "0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n",
      "5\r\nhello\r\nA;x;y=z;q=\"a;\\\"b\"\r\n0123456789\r\n000\r\nX-Sum: 1\r\nY:\r\n\r\n"};
  for (const std::string& body : bodies) {
    const Read whole = read_in_steps(body + "GET /", 1000);
    EXPECT_TRUE(whole.is_complete) << body;
    EXPECT_EQ(whole.taken, body.size());
    for (size_t step = 1; step < body.size(); ++step) {
      const Read cut = read_in_steps(body + "GET /", step);
      EXPECT_TRUE(cut.is_complete) << body << " in steps of " << step;
      EXPECT_EQ(cut.body, whole.body);
      EXPECT_EQ(cut.taken, body.size());
    }
  }
  EXPECT_EQ(read_in_steps("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", 3).body, "hello!");
}

TEST(ChunkReader, refuses_what_is_not_exactly_the_grammar) {
  for (const char* bytes : {
           "\r\n",
           "x\r\n",
           " 5\r\nhello\r\n",
           "5 \r\nhello\r\n",
           "+5\r\nhello\r\n",
           "-5\r\nhello\r\n",
           "0x5\r\nhello\r\n",
           "1_0\r\n",
           "5;\r\nhello\r\n",
           "5; a\r\nhello\r\n",
           "5;a=\r\nhello\r\n",
           "5;a=\"b\r\nhello\r\n",
           "5;a=\"b\"c\r\nhello\r\n",
           "5;a b\r\nhello\r\n",
           "5,a\r\nhello\r\n",
           "5\nhello\r\n",
           "5\rhello\r\n",
           "5\r\r\nhello\r\n",
           "5;\x01\r\nhello\r\n",
           "5;a=\"\x01\"\r\nhello\r\n",
           "5\r\nhello!\r\n",
           "5\r\nhello\n",
           "5\r\nhello0\r\n\r\n",
           "10000000000000000\r\n",
           "fffffffffffffffff\r\n",
           "0\r\nno colon\r\n\r\n",
           "0\r\n folded: 1\r\n\r\n",
           "0\r\nX : 1\r\n\r\n",
           "0\r\nX: \x01\r\n\r\n",
           "0\r\nX: 1\n\r\n",
           "0\r\nTransfer-Encoding: chunked\r\n\r\n",
           "0\r\ncontent-length: 1\r\n\r\n",
       }) {
    for (const size_t step : {1, 2, 3, 1000}) {
      EXPECT_EQ(read_in_steps(bytes, step).fault, ChunkReader::Fault::malformed)
          << bytes << " in steps of " << step;
    }
  }
}

TEST(ChunkReader, bounds_the_body_the_lines_and_the_trailer) {
  EXPECT_EQ(read_in_steps("6\r\n", 1, 5).fault, ChunkReader::Fault::too_large);
  EXPECT_EQ(read_in_steps("3\r\nabc\r\n3\r\n", 1, 5).fault, ChunkReader::Fault::too_large);
  EXPECT_EQ(read_in_steps("ffffffffffffffff\r\n", 1, 5).fault, ChunkReader::Fault::too_large);
  EXPECT_TRUE(read_in_steps("5\r\nabcde\r\n0\r\n\r\n", 1, 5).is_complete);
  EXPECT_EQ(read_in_steps("5;a=" + std::string(10'000, 'x'), 100).fault,
            ChunkReader::Fault::malformed);
  std::string trailer = "0\r\n";
  for (int i = 0; i < 5; ++i) trailer += "X: " + std::string(2000, 'x') + "\r\n";
  EXPECT_EQ(read_in_steps(trailer + "\r\n", 100).fault, ChunkReader::Fault::malformed);
}

}  // namespace
}  // namespace plinth::http
