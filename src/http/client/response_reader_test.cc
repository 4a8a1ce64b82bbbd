// SPDX-License-Identifier: Apache-2.0
// The answer reader on bytes alone.
#include "http/client/response_reader.h"

#include <gtest/gtest.h>

namespace plinth::http {
namespace {

struct Read {
  bool is_ok = true;
  bool is_complete = false;
  ClientResponse response;
};

Read read_in_steps(std::string_view bytes, size_t step, bool is_closed, bool is_head = false) {
  ResponseReader reader(is_head);
  Read read;
  for (size_t at = 0; at < bytes.size() && read.is_ok; at += step) {
    read.is_ok = reader.feed(bytes.substr(at, step)).is_ok();
  }
  if (read.is_ok && is_closed) read.is_ok = reader.end().is_ok();
  read.is_complete = read.is_ok && reader.is_complete();
  if (read.is_complete) {
    read.response = reader.take_head();
    read.response.body = reader.take_body();
  }
  return read;
}

TEST(ResponseReader, reads_every_framing_wherever_the_bytes_are_cut) {
  const std::pair<const char*, bool> answers[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello", false},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: "
       "b\r\n\r\n2\r\nhe\r\n3;x\r\nllo\r\n0\r\n"
       "X-A: c\r\n\r\n",
       false},
      {"HTTP/1.0 200 OK\r\nX-A: b\r\n\r\nhello", true},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"
       "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello",
       false},
  };
  for (const auto& [bytes, is_closed] : answers) {
    for (size_t step = 1; step < 40; ++step) {
      const Read read = read_in_steps(bytes, step, is_closed);
      ASSERT_TRUE(read.is_complete) << bytes << " in steps of " << step;
      EXPECT_EQ(read.response.status, 200);
      EXPECT_EQ(read.response.body, "hello");
      EXPECT_EQ(read.response.header("x-a"), "b");
      EXPECT_EQ(read.response.header("link"), std::nullopt);
    }
  }
}

TEST(ResponseReader, expects_no_body_where_there_is_none) {
  EXPECT_TRUE(
      read_in_steps("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 1000, false, true).is_complete);
  EXPECT_TRUE(read_in_steps("HTTP/1.1 204 No Content\r\n\r\n", 1000, false).is_complete);
  EXPECT_TRUE(read_in_steps("HTTP/1.1 304 Not Modified\r\n\r\n", 1000, false).is_complete);
}

TEST(ResponseReader, refuses_a_peer_that_breaks_the_protocol) {
  for (const char* bytes : {
           "SSH-2.0-OpenSSH\r\n\r\n",
           "HTTP/1.1 abc OK\r\n\r\n",
           "HTTP/3.0 200 OK\r\n\r\n",
           "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
       }) {
    EXPECT_FALSE(read_in_steps(bytes, 1000, false).is_ok) << bytes;
  }
  EXPECT_FALSE(read_in_steps("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", 1000, true).is_ok);
  EXPECT_FALSE(
      read_in_steps("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n", 9, true)
          .is_ok);
  EXPECT_FALSE(read_in_steps("HTTP/1.1 200 OK\r\n", 1000, true).is_ok);
  EXPECT_FALSE(read_in_steps("", 1, true).is_ok);
}

TEST(ResponseReader, bounds_what_a_foreign_server_may_send_before_the_body) {
  std::string interims;
  for (int i = 0; i < 20; ++i) interims += "HTTP/1.1 103 Hints\r\n\r\n";
  EXPECT_FALSE(read_in_steps(interims, 1000, false).is_ok);
  EXPECT_FALSE(
      read_in_steps("HTTP/1.1 200 OK\r\nX: " + std::string(200'000, 'x'), 1000, false).is_ok);
  EXPECT_FALSE(read_in_steps("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" +
                                 std::string(200'000, 'x'),
                             1000, false)
                   .is_ok);
}

}  // namespace
}  // namespace plinth::http
