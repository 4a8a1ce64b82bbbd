// SPDX-License-Identifier: Apache-2.0
// Keys: what is stored, who is recognised, who is not any more.
#include <gtest/gtest.h>

#include "guard/identity.h"
#include "guard/testing/memory_store.h"

namespace plinth::guard {
namespace {

class KeysTest : public ::testing::Test {
 protected:
  testing::MemoryKeyValue key_value_;
  ManualClock clock_;
  SeededRandom random_{31};
  Keys keys_{key_value_, clock_, random_};
};

TEST_F(KeysTest, a_new_key_authenticates_its_principal_in_its_tenant) {
  const auto key = keys_.create("acme", "build server", {"user"});
  ASSERT_TRUE(key.is_ok()) << key.error().message;
  EXPECT_TRUE(key->secret.starts_with("plk_"));
  EXPECT_EQ(key->secret.size(), 4u + 43u);
  const auto principal = keys_.authenticate(key->secret);
  ASSERT_TRUE(principal.is_ok());
  EXPECT_EQ(principal->id, key->record.id);
  EXPECT_EQ(principal->tenant, "acme");
  EXPECT_EQ(principal->kind, PrincipalKind::user);
  EXPECT_EQ(principal->roles, std::set<std::string>{"user"});
}

TEST_F(KeysTest, the_secret_is_nowhere_in_the_store_and_not_in_the_record) {
  const auto key = keys_.create("acme", "one", {"operator"});
  ASSERT_TRUE(key.is_ok());
  const auto items = key_value_.list("", 100);
  ASSERT_TRUE(items.is_ok());
  EXPECT_EQ(items->size(), 2u);
  for (const store::KeyValueItem& item : *items) {
    EXPECT_EQ(item.key.find(key->secret), std::string::npos);
    EXPECT_EQ(item.value.find(key->secret), std::string::npos);
    EXPECT_EQ(item.value.find(key->secret.substr(4)), std::string::npos);
  }
  EXPECT_FALSE(key->record.to_json().contains("digest"));
}

TEST_F(KeysTest, a_secret_that_differs_in_one_character_is_refused) {
  const auto key = keys_.create("acme", "one", {"user"});
  ASSERT_TRUE(key.is_ok());
  for (size_t i = 0; i < key->secret.size(); ++i) {
    std::string other = key->secret;
    other[i] = other[i] == 'A' ? 'B' : 'A';
    const auto principal = keys_.authenticate(other);
    ASSERT_TRUE(principal.is_error()) << i;
    EXPECT_EQ(principal.error().code, ErrorCode::unauthenticated);
  }
  EXPECT_TRUE(keys_.authenticate("").is_error());
  EXPECT_TRUE(keys_.authenticate("plk_").is_error());
  EXPECT_TRUE(keys_.authenticate(std::string(1 << 20, 'a')).is_error());
}

TEST_F(KeysTest, a_revoked_key_is_unauthenticated_and_stays_listed) {
  const auto key = keys_.create("acme", "one", {"user"});
  ASSERT_TRUE(key.is_ok());
  EXPECT_TRUE(*keys_.has_any());
  ASSERT_TRUE(keys_.revoke("acme", key->record.id).is_ok());
  EXPECT_EQ(keys_.authenticate(key->secret).error().code, ErrorCode::unauthenticated);
  EXPECT_FALSE(*keys_.has_any());
  const auto records = keys_.list("acme");
  ASSERT_TRUE(records.is_ok());
  ASSERT_EQ(records->size(), 1u);
  EXPECT_TRUE(records->front().is_revoked);
  EXPECT_TRUE(keys_.revoke("acme", key->record.id).is_ok());
}

TEST_F(KeysTest, a_key_revoked_without_its_index_entry_is_still_refused) {
  const auto key = keys_.create("acme", "one", {"user"});
  ASSERT_TRUE(key.is_ok());
  const auto index = key_value_.list("_system/key_index/", 10);
  ASSERT_EQ(index->size(), 1u);
  ASSERT_TRUE(keys_.revoke("acme", key->record.id).is_ok());
  // As after a crash between the two writes of a revocation.
  ASSERT_TRUE(
      key_value_.put(index->front().key, index->front().value, store::kAnyRevision).is_ok());
  EXPECT_TRUE(keys_.authenticate(key->secret).is_error());
  EXPECT_FALSE(*keys_.has_any());
}

TEST_F(KeysTest, another_tenant_neither_lists_nor_revokes_a_key) {
  const auto key = keys_.create("acme", "one", {"user"});
  ASSERT_TRUE(key.is_ok());
  EXPECT_TRUE(keys_.list("other")->empty());
  EXPECT_EQ(keys_.revoke("other", key->record.id).error().code, ErrorCode::not_found);
  EXPECT_EQ(keys_.revoke("acme", "../acme/key/" + key->record.id).error().code,
            ErrorCode::not_found);
  EXPECT_TRUE(keys_.authenticate(key->secret).is_ok());
}

TEST_F(KeysTest, refuses_unknown_roles_empty_names_and_reserved_tenants) {
  EXPECT_TRUE(keys_.create("acme", "one", {"root"}).is_error());
  EXPECT_TRUE(keys_.create("acme", "one", {}).is_error());
  EXPECT_TRUE(keys_.create("acme", "", {"user"}).is_error());
  EXPECT_TRUE(keys_.create("_system", "one", {"user"}).is_error());
  EXPECT_TRUE(keys_.create("acme/key", "one", {"user"}).is_error());
}

TEST_F(KeysTest, a_store_that_fails_is_an_error_and_not_a_wrong_key) {
  const auto key = keys_.create("acme", "one", {"user"});
  key_value_.fail(make_error(ErrorCode::io_failed, "the disk is gone"));
  EXPECT_EQ(keys_.authenticate(key->secret).error().code, ErrorCode::io_failed);
}

TEST_F(KeysTest, a_key_seen_before_costs_no_read_and_is_refused_at_once_when_revoked) {
  const auto key = keys_.create("acme", "one", {"user"});
  ASSERT_TRUE(key.is_ok());
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(keys_.authenticate(key->secret).is_ok());
  key_value_.fail(make_error(ErrorCode::io_failed, "no disk"));
  EXPECT_TRUE(keys_.authenticate(key->secret).is_ok());
  key_value_.fail(std::nullopt);
  ASSERT_TRUE(keys_.revoke("acme", key->record.id).is_ok());
  EXPECT_EQ(keys_.authenticate(key->secret).error().code, ErrorCode::unauthenticated);
}

TEST_F(KeysTest, whether_there_is_a_key_follows_every_change) {
  EXPECT_FALSE(MUST(keys_.has_any(), "the store works"));
  const auto key = keys_.create("acme", "one", {"user"});
  ASSERT_TRUE(key.is_ok());
  EXPECT_TRUE(MUST(keys_.has_any(), "the store works"));
  ASSERT_TRUE(keys_.revoke("acme", key->record.id).is_ok());
  EXPECT_FALSE(MUST(keys_.has_any(), "the store works"));
}

}  // namespace
}  // namespace plinth::guard
