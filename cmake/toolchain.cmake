# SPDX-License-Identifier: Apache-2.0
# Compiler flags shared by every target: warnings, hardening, sanitizers, compiler cache, linker.

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                    -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # TRY and MUST are statement expressions; g++ names that extension -Wpedantic only.
  # ccache needs -fpch-preprocess to hash what a precompiled header pulled in.
  add_compile_options(-Wno-pedantic -fpch-preprocess)
else()
  # libstdc++ 12's stable_sort calls a function that it declares deprecated itself.
  add_compile_options(-Wthread-safety -Wno-gnu-statement-expression -Wno-deprecated-declarations)
endif()
if(PLINTH_WERROR)
  add_compile_options(-Werror)
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 warns of inlined std::string code that is right (GCC bugs 105329 and 105651).
  add_compile_options(-Wno-array-bounds -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread
                      -Wno-maybe-uninitialized)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  add_compile_options(-fstack-protector-strong -fstack-clash-protection)
  if(NOT PLINTH_SANITIZE)
    add_compile_definitions(_FORTIFY_SOURCE=2)
  endif()
  add_link_options(-Wl,-z,relro,-z,now)
endif()

if(PLINTH_SANITIZE)
  add_compile_options(-fsanitize=${PLINTH_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PLINTH_SANITIZE})
  if(PLINTH_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Asio's headers use atomic_thread_fence, which g++ warns that this sanitizer does not model.
    add_compile_options(-Wno-tsan)
  endif()
endif()
if(PLINTH_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
