# SPDX-License-Identifier: Apache-2.0
# Compiler flags of the kernel files: the only files of the project with -m flags, so that one binary
# runs on any x86-64. They are optimised in every build type (a debug build would crawl), and never
# contract a*b+c on their own, so that every tile shape rounds alike.

set(kernels ${CMAKE_CURRENT_LIST_DIR})
set(common_flags -O2 -ffp-contract=off)
# The panel kernels are loops of constant length over registers: -O3 unrolls them whole. The searches
# for scales are plain loops that only its vectorizer makes fast.
set(panel_flags -O3)
file(GLOB portable_sources ${kernels}/attention/*.cc ${kernels}/formats/*.cc ${kernels}/panels/*.cc)
list(FILTER portable_sources EXCLUDE REGEX "_test\\.cc$")
set_source_files_properties(${kernels}/scalar/attention.cc ${kernels}/scalar/scalar.cc ${kernels}/kernels.cc
                            PROPERTIES COMPILE_OPTIONS "${common_flags}" SKIP_PRECOMPILE_HEADERS ON)
set_source_files_properties(${portable_sources} PROPERTIES COMPILE_OPTIONS "-O3;-ffp-contract=off"
                            SKIP_PRECOMPILE_HEADERS ON)
set(avx2_flags ${common_flags})
set(avx512_flags ${common_flags})
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  list(APPEND avx2_flags -mavx2 -mfma -mf16c)
  list(APPEND avx512_flags -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512vl -mavx512dq)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12's own intrinsics start from a deliberately undefined register and trip its own warning.
    list(APPEND avx512_flags -Wno-uninitialized -Wno-maybe-uninitialized)
  endif()
endif()
set(avx512_vnni_flags ${avx512_flags} ${panel_flags})
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  list(APPEND avx512_vnni_flags -mavx512vnni)
endif()
set_source_files_properties(${kernels}/avx2/panels.cc ${kernels}/avx2/half_panels.cc
                            PROPERTIES COMPILE_OPTIONS "${avx2_flags};${panel_flags}" SKIP_PRECOMPILE_HEADERS ON)
set_source_files_properties(${kernels}/avx512/panels.cc ${kernels}/avx512/half_panels.cc
                            PROPERTIES COMPILE_OPTIONS "${avx512_vnni_flags}" SKIP_PRECOMPILE_HEADERS ON)
set_source_files_properties(${kernels}/avx2/attention.cc
                            PROPERTIES COMPILE_OPTIONS "${avx2_flags};${panel_flags}" SKIP_PRECOMPILE_HEADERS ON)
set_source_files_properties(${kernels}/avx512/attention.cc
                            PROPERTIES COMPILE_OPTIONS "${avx512_flags};${panel_flags}" SKIP_PRECOMPILE_HEADERS ON)
set_source_files_properties(${kernels}/avx2/avx2.cc
                            PROPERTIES COMPILE_OPTIONS "${avx2_flags}" SKIP_PRECOMPILE_HEADERS ON)
set_source_files_properties(${kernels}/avx512/avx512.cc
                            PROPERTIES COMPILE_OPTIONS "${avx512_flags}" SKIP_PRECOMPILE_HEADERS ON)
