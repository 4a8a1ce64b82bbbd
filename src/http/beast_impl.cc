// SPDX-License-Identifier: Apache-2.0
// The one translation unit that compiles Beast itself (BOOST_BEAST_SEPARATE_COMPILATION is set by
// the build).
#include <boost/beast/src.hpp>
