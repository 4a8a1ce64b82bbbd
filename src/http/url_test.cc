// SPDX-License-Identifier: Apache-2.0
// URLs the client reads and refuses.
#include <gtest/gtest.h>

#include "http/client.h"

namespace plinth::http {
namespace {

TEST(Url, is_read_into_its_parts) {
  const Url url = MUST(parse_url("HTTP://Example.COM:8080/a/b?c=d&e#f"), "well formed");
  EXPECT_EQ(url.scheme, "http");
  EXPECT_EQ(url.host, "example.com");
  EXPECT_EQ(url.port, 8080);
  EXPECT_EQ(url.target, "/a/b?c=d&e");
  EXPECT_EQ(url.origin(), "example.com:8080");
}

TEST(Url, has_the_schemes_port_and_the_root_when_it_names_none) {
  EXPECT_EQ(parse_url("http://a").value().port, 80);
  EXPECT_EQ(parse_url("https://a").value().port, 443);
  EXPECT_EQ(parse_url("https://a:/").value().port, 443);
  EXPECT_EQ(parse_url("http://a").value().target, "/");
  EXPECT_EQ(parse_url("http://a?x=1").value().target, "/?x=1");
}

TEST(Url, takes_addresses) {
  EXPECT_EQ(parse_url("http://127.0.0.1:1/").value().host, "127.0.0.1");
  const Url six = MUST(parse_url("http://[::1]:7070/x"), "well formed");
  EXPECT_EQ(six.host, "::1");
  EXPECT_EQ(six.origin(), "[::1]:7070");
}

TEST(Url, a_name_may_begin_like_an_address) {
  const Url url = MUST(parse_url("http://127.0.0.1.nip.io:7391/a?b"), "well formed");
  EXPECT_EQ(url.host, "127.0.0.1.nip.io");
  EXPECT_EQ(url.origin(), "127.0.0.1.nip.io:7391");
  EXPECT_EQ(url.target, "/a?b");
  EXPECT_EQ(parse_url("https://10.0.0.1x").value().host, "10.0.0.1x");
}

TEST(Url, is_refused_with_its_text_and_what_to_write) {
  for (const char* text : {"",
                           "a",
                           "//a/b",
                           "ftp://a/",
                           "file:///etc/passwd",
                           "http:/a",
                           "http://",
                           "http:///x",
                           "http://user@a/",
                           "http://user:pass@a/",
                           "http://@a/",
                           "http://a b/",
                           "http://a:99999/",
                           "http://a:0/",
                           "http://a:x/",
                           "http://a:8x0/",
                           "http://a:80x",
                           "http://127.0.0.1:80x",
                           "http://127.0.0.1.a:x/",
                           "http://127.0.0.1 a/",
                           "http://%61/",
                           "http://[::1/",
                           "http://[fe80::1%25eth0]/",
                           "http://a/\r\nHost: b",
                           "http://a/ b",
                           "http://[v1.x]/",
                           "mailto:a@b"}) {
    const auto url = parse_url(text);
    ASSERT_TRUE(url.is_error()) << text;
    EXPECT_EQ(url.error().code, ErrorCode::invalid_argument) << text;
    EXPECT_EQ(url.error().param, "url");
  }
  EXPECT_TRUE(parse_url("http://a/" + std::string(10'000, 'x')).is_error());
}

}  // namespace
}  // namespace plinth::http
