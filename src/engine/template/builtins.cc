// SPDX-License-Identifier: Apache-2.0
// What filters, tests and methods share.
#include "engine/template/builtins.h"

#include "engine/template/text_functions.h"

namespace plinth::engine::templates {

const Value* argument_at(const Values& arguments, size_t position, std::string_view name) {
  size_t index = 0;
  for (const NamedValue& argument : arguments) {
    if (argument.name.empty() ? index++ == position : argument.name == name) return &argument.value;
  }
  return nullptr;
}

Result<Value> member_of(Machine& machine, const Value& object, std::string_view name) {
  if (object.is_undefined()) {
    return machine.error("'" + std::string(name) + "' is read from an undefined value");
  }
  const Dict* dict = object.dict();
  const Value* found = dict && !dict->has_integer_keys ? dict->find(name) : nullptr;
  return found ? *found : Value();
}

Result<List> iterate(Machine& machine, const Value& value) {
  List items;
  if (const List* list = value.list()) {
    TRY(machine.spend(static_cast<int64_t>(list->size())));
    return *list;
  }
  if (const Dict* dict = value.dict()) {
    TRY(machine.spend(static_cast<int64_t>(dict->members.size())));
    for (size_t i = 0; i < dict->members.size(); ++i) items.push_back(dict->key_at(i));
    return items;
  }
  if (const Text* text = value.text()) {
    TRY(machine.spend(static_cast<int64_t>(text->bytes.size())));
    for (size_t begin = 0; begin < text->bytes.size();) {
      size_t end = begin + 1;
      while (end < text->bytes.size() && (text->bytes[end] & 0xc0) == 0x80) ++end;
      items.push_back(Value::of(text->slice(begin, end - begin)));
      begin = end;
    }
    return items;
  }
  if (value.is_undefined()) return items;
  return machine.error("a value of type " + std::string(value.type_name()) +
                       " cannot be gone through");
}

Result<Text> print(Machine& machine, const Value& value) {
  if (value.is_undefined()) return Text();
  if (const Text* text = value.text()) return *text;
  return represent(machine, value);
}

}  // namespace plinth::engine::templates
