// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

#include <gtest/gtest.h>

#include <string>

namespace plinth {
namespace {

// FIPS 180-2, appendix B; RFC 7693 for BLAKE2b with 32 bytes.
TEST(Hash, agrees_with_published_digests) {
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(blake2b("abc")),
            "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
  EXPECT_EQ(hex(blake2b("")), "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
}

TEST(Hash, hash64_is_xxh3_and_never_changes) {
  EXPECT_EQ(hash64(""), 0x2d06800538d394c2u);
  EXPECT_EQ(hash64("a"), 0xe6c632b61e964e1fu);
  EXPECT_NE(hash64("a", 1), hash64("a"));
}

TEST(Hex, reads_back_what_it_wrote) {
  const std::string bytes("\x00\x7f\xff\x10", 4);
  const std::string text = hex(std::span(reinterpret_cast<const uint8_t*>(bytes.data()), 4));
  EXPECT_EQ(text, "007fff10");
  EXPECT_EQ(unhex(text).value(), bytes);
  EXPECT_EQ(unhex("FF").value(), "\xff");
  EXPECT_EQ(unhex("").value(), "");
}

TEST(Hex, refuses_odd_lengths_and_other_characters) {
  for (const char* text : {"0", "0g", "00 11", "0x00", "zz", "000"}) {
    EXPECT_TRUE(unhex(text).is_error()) << text;
  }
}

// RFC 4648, section 10.
TEST(Base64, agrees_with_the_vectors_of_rfc_4648) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(unbase64("Zm9vYmFy").value(), "foobar");
  EXPECT_EQ(unbase64("Zg==").value(), "f");
  EXPECT_EQ(unbase64("").value(), "");
}

TEST(Base64, url_form_has_other_characters_and_no_padding) {
  EXPECT_EQ(base64("\xfb\xff"), "+/8=");
  EXPECT_EQ(base64url("\xfb\xff"), "-_8");
}

TEST(Base64, refuses_missing_padding_other_alphabets_and_left_over_bits) {
  for (const char* text : {"Zg", "Zg=", "Zg===", "Zg==x", "-_8=", "Z", "Zh==", " Zg==", "Zg==\n"}) {
    EXPECT_TRUE(unbase64(text).is_error()) << text;
  }
}

TEST(EqualConstantTime, compares_bytes_and_lengths) {
  EXPECT_TRUE(equal_constant_time("secret", "secret"));
  EXPECT_FALSE(equal_constant_time("secret", "secreT"));
  EXPECT_FALSE(equal_constant_time("secret", "secret1"));
  EXPECT_TRUE(equal_constant_time("", ""));
}

}  // namespace
}  // namespace plinth
