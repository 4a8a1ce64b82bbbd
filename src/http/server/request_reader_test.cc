// SPDX-License-Identifier: Apache-2.0
// The request reader on bytes alone: what is accepted, what is refused, and that cuts never matter.
#include "http/server/request_reader.h"

#include <gtest/gtest.h>

#include <random>

namespace plinth::http {
namespace {

struct Read {
  int status = 0;  // 0: complete, -1: unfinished
  size_t taken = 0;
  ServerRequest request;
};

Read read_in_pieces(std::string_view bytes, const std::vector<size_t>& cuts,
                    const RequestLimits& limits = {}) {
  RequestReader reader(limits);
  Read read;
  size_t start = 0;
  for (size_t i = 0; i <= cuts.size(); ++i) {
    const size_t end = i < cuts.size() ? cuts[i] : bytes.size();
    read.taken += reader.feed(bytes.substr(start, end - start));
    start = end;
    if (reader.is_complete() || reader.fault()) break;
  }
  if (reader.fault()) {
    read.status = reader.fault()->status;
  } else if (reader.is_complete()) {
    read.request = reader.take();
  } else {
    read.status = -1;
  }
  return read;
}

Read read_whole(std::string_view bytes, const RequestLimits& limits = {}) {
  return read_in_pieces(bytes, {}, limits);
}

int status_of(std::string_view bytes) { return read_whole(bytes).status; }

std::string with_head(std::string_view fields, std::string_view body = {}) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n\r\n" + std::string(body);
}

std::string chunked(std::string_view body) { return with_head("Transfer-Encoding: chunked", body); }

TEST(RequestReader, reads_the_parts_of_a_request) {
  const Read read = read_whole(
      "POST /a%20b/c?x=1&y=%C3%A9+z&x=2 HTTP/1.1\r\nHost: example.com:8080\r\nX-Name:  v1 \r\n"
      "Content-Length: 5\r\n\r\nhelloGET");
  EXPECT_EQ(read.status, 0);
  EXPECT_EQ(read.request.method, "POST");
  EXPECT_EQ(read.request.target, "/a%20b/c?x=1&y=%C3%A9+z&x=2");
  EXPECT_EQ(read.request.path, "/a b/c");
  EXPECT_EQ(read.request.query.at("x"), "1");
  EXPECT_EQ(read.request.query.at("y"), "é z");
  EXPECT_EQ(read.request.header("x-name"), "v1");
  EXPECT_EQ(read.request.body, "hello");
  // What follows the request is not its reader's.
  EXPECT_EQ(read.taken, read_whole("POST /a%20b/c?x=1&y=%C3%A9+z&x=2 HTTP/1.1\r\nHost: example.com:"
                                   "8080\r\nX-Name:  v1 \r\nContent-Length: 5\r\n\r\nhello")
                            .taken);
}

TEST(RequestReader, reads_chunks_and_keeps_trailers_out_of_the_header) {
  const Read read = read_whole(chunked(
      "5;note=\"a\"\r\nhello\r\n6\r\n world\r\n0\r\nAuthorization: Bearer evil\r\n\r\nrest"));
  EXPECT_EQ(read.status, 0);
  EXPECT_EQ(read.request.body, "hello world");
  EXPECT_EQ(read.request.header("authorization"), std::nullopt);
}

TEST(RequestReader, gives_the_same_request_wherever_the_bytes_are_cut) {
  const std::string bytes =
      chunked("5\r\nhello\r\n1a;x=y\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nX-Sum: 1\r\n\r\n") +
      "GET / HTTP/1.1\r\n";
  const Read whole = read_whole(bytes);
  ASSERT_EQ(whole.status, 0);
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::vector<size_t> cuts;
    for (size_t at = 0; at < bytes.size(); ++at) {
      if (random() % 7 == 0) cuts.push_back(at);
    }
    const Read cut = read_in_pieces(bytes, cuts);
    ASSERT_EQ(cut.status, 0);
    EXPECT_EQ(cut.request.body, whole.request.body);
    EXPECT_EQ(cut.request.headers, whole.request.headers);
    EXPECT_EQ(cut.taken, whole.taken);
  }
}

TEST(RequestReader, refuses_framing_that_two_readers_could_understand_differently) {
  for (const char* fields : {
           "Content-Length: 5\r\nTransfer-Encoding: chunked",
           "Transfer-Encoding: chunked\r\nContent-Length: 5",
           "Content-Length: 5\r\nContent-Length: 5",
           "Content-Length: 5\r\nContent-Length: 6",
           "Content-Length: 5, 5",
           "Content-Length: +5",
           "Content-Length: -1",
           "Content-Length: 0x5",
           "Content-Length: 1 0",
           "Content-Length: ",
           "Content-Length: 99999999999999999999999",
           "Content-Length : 5",
           "Transfer-Encoding: identity",
           "Transfer-Encoding: chunked, gzip",
           "Transfer-Encoding: gzip, chunked",
           "Transfer-Encoding: chunked, chunked",
           "Transfer-Encoding: , chunked",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
           "Transfer-Encoding:\r\n chunked",
           "Transfer-Encoding: \x0b chunked",
       }) {
    EXPECT_EQ(status_of(with_head(fields, "5\r\nhello\r\n0\r\n\r\n")), 400) << fields;
  }
  EXPECT_EQ(status_of(with_head(std::string_view("Transfer-Encoding: chunked\0", 27))), 400);
  EXPECT_EQ(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
}

TEST(RequestReader, refuses_malformed_chunks) {
  for (const char* body : {
           "5;\r\nhello\r\n0\r\n\r\n",
           "1_0\r\nhello\r\n",
           "0x5\r\nhello\r\n0\r\n\r\n",
           "5 \r\nhello\r\n0\r\n\r\n",
           " 5\r\nhello\r\n0\r\n\r\n",
           "-5\r\nhello\r\n",
           "5\r\nhello0\r\n\r\n",
           "5\r\nhello!!\r\n0\r\n\r\n",
           "g\r\nhello\r\n",
           "\r\nhello\r\n",
           "FFFFFFFFFFFFFFFF0\r\nhello\r\n",
           "5\rhello\r\n0\r\n\r\n",
           "5\nhello\r\n0\r\n\r\n",
           "5;a=\"\x01\"\r\nhello\r\n0\r\n\r\n",
           "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n",
           "0\r\nTransfer-Encoding: chunked\r\n\r\n",
           "0\r\nContent-Length: 5\r\n\r\n",
       }) {
    EXPECT_EQ(status_of(chunked(body)), 400) << body;
  }
  EXPECT_EQ(status_of(chunked("5;x=" + std::string(65536, 'a'))), 400);
  EXPECT_EQ(status_of(chunked("0\r\nX: " + std::string(65536, 'a'))), 400);
  EXPECT_EQ(status_of(chunked("5\r\nhel")), -1);
}

TEST(RequestReader, refuses_malformed_header_lines) {
  for (const char* bytes : {
           "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\n X: 1\r\n\r\n",
           "GET / HTTP/1.1\nHost: a\n\n",
           "GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\rX: 1\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nBad[Name: 1\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nName : 1\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nX: a\x01z\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nX: a\x7fz\r\n\r\n",
           "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
           "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
           "GET / HTTP/1\r\nHost: a\r\n\r\n",
           "GET / HTTP/ 1.1\r\nHost: a\r\n\r\n",
           "GET / http/1.1\r\nHost: a\r\n\r\n",
           "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
           "GET /\r\nHost: a\r\n\r\n",
           "GE[T / HTTP/1.1\r\nHost: a\r\n\r\n",
           "GETGETGETGETGETGETGETGETGETGETGETGET / HTTP/1.1\r\nHost: a\r\n\r\n",
           "\x16\x03\x01\x02\x01\x01",
       }) {
    EXPECT_EQ(status_of(bytes), 400) << bytes;
  }
  EXPECT_EQ(status_of("GET / HTTP/1.2\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(status_of("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
}

TEST(RequestReader, needs_exactly_one_host_and_one_of_each_field_that_decides) {
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.0\r\n\r\n"), 0);
  for (const char* host : {"", "a/path", "a b", "a@b", "a:b", "a:123456", "[::1", "::1", "a,b"}) {
    EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"), 400) << host;
  }
  for (const char* host : {"localhost", "a.b-c_d:8080", "127.0.0.1:1", "[::1]", "[::1]:80"}) {
    EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"), 0) << host;
  }
  for (const char* name : {"Host", "Content-Type", "Authorization", "Origin", "Expect"}) {
    const std::string line = "\r\n" + std::string(name) + ": a";
    EXPECT_EQ(status_of(with_head("X: 1" + line + line)), 400) << name;
  }
}

TEST(RequestReader, stops_at_its_limits) {
  const RequestLimits limits{.header_bytes_max = 200, .body_bytes_max = 10};
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(read_whole(head + "X: " + std::string(300, 'x'), limits).status, 431);
  EXPECT_EQ(read_whole(head + "Content-Length: 11\r\n\r\n", limits).status, 413);
  EXPECT_EQ(read_whole(head + "Content-Length: 10\r\n\r\n0123456789", limits).status, 0);
  EXPECT_EQ(
      read_whole(head + "Transfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n6\r\n", limits).status,
      413);
  std::string many = head;
  for (int i = 0; i < 200; ++i) many += "X" + std::to_string(i) + ": y\r\n";
  EXPECT_EQ(status_of(many + "\r\n"), 431);
}

TEST(RequestReader, says_when_the_peer_waits_for_100_continue) {
  RequestReader reader(RequestLimits{});
  reader.feed(with_head("Expect: 100-Continue\r\nContent-Length: 2"));
  EXPECT_TRUE(reader.take_continue());
  EXPECT_FALSE(reader.take_continue());
  reader.feed("ab");
  EXPECT_TRUE(reader.is_complete());
  EXPECT_EQ(status_of(with_head("Expect: wonders\r\nContent-Length: 2")), 417);
}

TEST(RequestReader, refuses_targets_that_could_name_another_path) {
  for (const char* target :
       {"/a/../b", "/a/%2e%2e/b", "/.",      "/a%2Fb",    "/a%5Cb",      "/a\\b",   "/a%00",
        "/%zz",    "/%4",         "/%",      "/#x",       "/a#",         "a",       "*",
        "/%ff",    "//host/../x", "http://", "http:///x", "https://a/x", "/?q=%00", "/?q=%"}) {
    EXPECT_EQ(status_of("GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n"), 400)
        << target;
  }
  EXPECT_EQ(status_of("GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"), 400);
  EXPECT_EQ(read_whole("GET http://A/x?y HTTP/1.1\r\nHost: a\r\n\r\n").request.path, "/x");
  EXPECT_EQ(read_whole("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n").request.path, "/");
  EXPECT_EQ(read_whole("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").request.path, "*");
  EXPECT_EQ(read_whole("GET /a/./ HTTP/1.1\r\nHost: a\r\n\r\n").status, 400);
  EXPECT_EQ(read_whole("GET /v1/models/a%20b..c HTTP/1.1\r\nHost: a\r\n\r\n").request.path,
            "/v1/models/a b..c");
}

}  // namespace
}  // namespace plinth::http
