// SPDX-License-Identifier: Apache-2.0
#include "agents/tools/addresses.h"

#include <gtest/gtest.h>

namespace plinth::agents {
namespace {

TEST(Addresses, of_the_public_internet_are_public) {
  for (const char* address : {"1.1.1.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1",
                              "198.17.255.255", "2606:4700::1111", "2001:4860:4860::8888"}) {
    EXPECT_TRUE(is_public_address(address)) << address;
  }
}

TEST(Addresses, of_this_machine_and_its_networks_are_not) {
  for (const char* address :
       {"127.0.0.1",       "127.255.255.255", "0.0.0.0",         "10.0.0.1",   "172.16.0.1",
        "172.31.255.255",  "192.168.1.1",     "169.254.169.254", "100.64.0.1", "198.18.0.1",
        "192.0.2.1",       "224.0.0.1",       "255.255.255.255", "::",         "::1",
        "fe80::1",         "fc00::1",         "fd12::1",         "ff02::1",    "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",   "2001::1",    "2001:db8::1",
        "3fff::1"}) {
    EXPECT_FALSE(is_public_address(address)) << address;
  }
}

TEST(Addresses, what_is_no_address_is_not_public) {
  for (const char* text : {"", "example.org", "1.1.1", "0x7f.1", "1.1.1.1 ", "fe80::1%eth0"}) {
    EXPECT_FALSE(is_public_address(text)) << text;
  }
}

}  // namespace
}  // namespace plinth::agents
