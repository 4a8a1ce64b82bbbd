// SPDX-License-Identifier: Apache-2.0
#include "cli/reference.h"

#include <gtest/gtest.h>

#include <set>

#include "api/api.h"
#include "base/json.h"
#include "cli/command.h"

namespace plinth::cli {
namespace {

TEST(Reference, every_route_and_command_has_its_row) {
  const std::string routes = *reference_page("routes");
  for (const auto& route : api::Api::routes()) {
    EXPECT_NE(routes.find("`" + route.pattern + "`"), std::string::npos) << route.pattern;
  }
  const std::string commands = *reference_page("commands");
  for (const Command& command : command_table()) {
    const std::string row = "`plinth " + std::string(command.name) + "`";
    EXPECT_EQ(commands.find(row) != std::string::npos, command.reach != Reach::hidden) << row;
  }
}

TEST(Reference, the_schema_is_json) { EXPECT_TRUE(Json::parse(*reference_page("schema")).is_ok()); }

TEST(Reference, an_unknown_page_is_refused_with_the_names_there_are) {
  const auto page = reference_page("nothing");
  ASSERT_TRUE(page.is_error());
  EXPECT_NE(page.error().message.find("metrics"), std::string::npos);
}

TEST(Commands, names_are_unique) {
  std::set<std::string_view> names;
  for (const Command& command : command_table()) {
    EXPECT_TRUE(names.insert(command.name).second) << command.name;
  }
}

}  // namespace
}  // namespace plinth::cli
