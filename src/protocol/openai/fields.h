// SPDX-License-Identifier: Apache-2.0
// The readers that every wire format shares, under the path that OpenAI's files name.
#pragma once

#include "protocol/fields.h"
