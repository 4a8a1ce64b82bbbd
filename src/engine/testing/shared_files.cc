// SPDX-License-Identifier: Apache-2.0
// Plain file reads for tests.
#include "engine/testing/shared_files.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace plinth::engine::testing {

std::string shared_path(const std::string& relative) {
  const char* folder = std::getenv("PLINTH_SHARED");
  return std::string(folder ? folder : PLINTH_SOURCE_DIR "/../shared") + "/" + relative;
}

bool is_readable(const std::string& path) { return ::access(path.c_str(), R_OK) == 0; }

Result<std::string> read_text_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return make_error(ErrorCode::not_found, path + ": cannot be read");
  return std::string(std::istreambuf_iterator<char>(file), {});
}

Result<Json> read_json_file(const std::string& path) {
  const std::string text = TRY(read_text_file(path));
  return Json::parse(text);
}

}  // namespace plinth::engine::testing
