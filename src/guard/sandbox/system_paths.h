// SPDX-License-Identifier: Apache-2.0
// What every program needs in order to start: shared libraries, the loader's cache, harmless
// devices.
#pragma once

#include <array>

namespace plinth::guard {

inline constexpr std::array<const char*, 6> kSystemFolders = {"/usr",   "/lib", "/lib32",
                                                              "/lib64", "/bin", "/sbin"};
inline constexpr std::array<const char*, 3> kSystemFiles = {"/etc/ld.so.cache", "/etc/localtime",
                                                            "/etc/alternatives"};
inline constexpr std::array<const char*, 4> kDevices = {"/dev/null", "/dev/zero", "/dev/random",
                                                        "/dev/urandom"};

}  // namespace plinth::guard
