// SPDX-License-Identifier: Apache-2.0
#include "agents/tools/addresses.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstring>
#include <string>

namespace plinth::agents {
namespace {

struct Range4 {
  uint32_t base;
  int bits;
};
constexpr Range4 kSpecial4[] = {
    {0x00000000, 8},   // this network
    {0x0a000000, 8},   // private
    {0x64400000, 10},  // shared (carrier NAT)
    {0x7f000000, 8},   // loopback
    {0xa9fe0000, 16},  // link-local
    {0xac100000, 12},  // private
    {0xc0000000, 24},  // protocol assignments
    {0xc0000200, 24},  // documentation
    {0xc0586300, 24},  // 6to4 relay
    {0xc0a80000, 16},  // private
    {0xc6120000, 15},  // benchmarking
    {0xc6336400, 24},  // documentation
    {0xcb007100, 24},  // documentation
    {0xe0000000, 4},   // multicast
    {0xf0000000, 4},   // reserved, broadcast
};

bool is_public4(uint32_t address) {
  for (const auto& range : kSpecial4) {
    if ((address ^ range.base) >> (32 - range.bits) == 0) return false;
  }
  return true;
}

uint32_t big_endian(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

bool is_public6(const std::array<uint8_t, 16>& a) {
  static constexpr std::array<uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(a.data(), kMapped.data(), kMapped.size()) == 0) {
    return is_public4(big_endian(a.data() + 12));
  }
  // Global unicast is 2000::/3; all else (loopback, unique local, link-local, multicast, NAT64)
  // stays closed.
  if ((a[0] & 0xe0) != 0x20) return false;
  if (a[0] == 0x20 && a[1] == 0x02) return is_public4(big_endian(a.data() + 2));  // 6to4
  if (a[0] == 0x20 && a[1] == 0x01) {
    if (a[2] < 0x02) return false;                   // 2001::/23: Teredo and other assignments
    if (a[2] == 0x0d && a[3] == 0xb8) return false;  // documentation
  }
  return !(a[0] == 0x3f && a[1] == 0xff && a[2] < 0x10);  // 3fff::/20, documentation
}

}  // namespace

bool is_public_address(std::string_view address) {
  const std::string text(address);
  in_addr four{};
  if (::inet_pton(AF_INET, text.c_str(), &four) == 1) return is_public4(ntohl(four.s_addr));
  std::array<uint8_t, 16> six{};
  if (::inet_pton(AF_INET6, text.c_str(), six.data()) == 1) return is_public6(six);
  return false;
}

}  // namespace plinth::agents
