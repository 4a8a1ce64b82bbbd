// SPDX-License-Identifier: Apache-2.0
// Files that travel inside the binary: the console's page and the shipped policies
// (cmake/embed.cmake makes them).
#pragma once

#include <string_view>

namespace plinth::node {

std::string_view console_page();
std::string_view default_policies();

}  // namespace plinth::node
