// SPDX-License-Identifier: Apache-2.0
// Log events, not prose: a dotted event name and key=value fields, one line each on standard error
// (spdlog). Never prompts, secrets or labelled data.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace plinth {

enum class LogLevel { debug, info, warning, error, off };

using LogField = std::pair<std::string_view, std::string>;

void set_log_level(LogLevel level);
void log_event(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

}  // namespace plinth
