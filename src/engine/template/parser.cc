// SPDX-License-Identifier: Apache-2.0
// Statements of a template, over the expression parser.
#include "engine/template/parser.h"

#include <utility>

#include "engine/template/expression_parser.h"

namespace plinth::engine::templates {
namespace {

class StatementParser {
 public:
  explicit StatementParser(std::vector<Lexeme> lexemes) : in_(std::move(lexemes)) {}

  Result<Block> run() {
    Block block = TRY(parse_block());
    if (in_.peek().kind != Lexeme::Kind::end) {
      return in_.error("'" + in_.peek(1).text + "' does not belong here");
    }
    return block;
  }

 private:
  // Statements up to the end or to a block tag that closes or continues the one around.
  Result<Block> parse_block() {
    if (++depth_ > kNestingMax) return in_.error("blocks are nested too deeply");
    Block block;
    for (;;) {
      switch (in_.peek().kind) {
        case Lexeme::Kind::text: {
          Statement statement;
          statement.line = in_.peek().line;
          statement.text = in_.take().text;
          block.push_back(std::move(statement));
          continue;
        }
        case Lexeme::Kind::output_begin:
          block.push_back(TRY(parse_output()));
          continue;
        case Lexeme::Kind::block_begin:
          if (is_block_end()) break;
          block.push_back(TRY(parse_statement()));
          continue;
        default:
          break;
      }
      --depth_;
      return block;
    }
  }

  bool is_block_end() const {
    for (const std::string_view word : {"endif", "endfor", "else", "elif", "endset", "endfilter",
                                        "endmacro", "endgeneration", "endwith"}) {
      if (in_.is_word(word, 1)) return true;
    }
    return false;
  }

  Result<Statement> parse_output() {
    Statement statement;
    statement.kind = Statement::Kind::output;
    statement.line = in_.take().line;
    statement.value = TRY(in_.parse_expression());
    TRY(expect(Lexeme::Kind::output_end, "}}"));
    return statement;
  }

  Result<Statement> parse_statement() {
    const int line = in_.take().line;
    const std::string word = TRY(in_.expect_name());
    Statement statement;
    if (word == "if") {
      statement = TRY(parse_if());
    } else if (word == "for") {
      statement = TRY(parse_for());
    } else if (word == "set") {
      statement = TRY(parse_set());
    } else if (word == "macro") {
      statement = TRY(parse_macro());
    } else if (word == "filter") {
      statement.kind = Statement::Kind::filter;
      statement.value = TRY(in_.parse_captured_filters());
      TRY(parse_body("endfilter", statement));
    } else if (word == "generation" || word == "with") {
      statement.kind = Statement::Kind::scope;
      if (word == "with") statement.parameters = TRY(parse_with());
      TRY(parse_body("end" + word, statement));
    } else if (word == "break" || word == "continue") {
      if (loops_ == 0) return in_.error("'" + word + "' stands outside a loop");
      statement.kind = word == "break" ? Statement::Kind::leave : Statement::Kind::proceed;
      TRY(expect(Lexeme::Kind::block_end, "%}"));
    } else {
      return in_.error("the statement '" + word +
                       "' is not supported; for, if, set, macro, filter, generation, with, break "
                       "and continue are");
    }
    statement.line = line;
    return statement;
  }

  Result<Statement> parse_if() {
    Statement statement;
    statement.kind = Statement::Kind::branch;
    Branch branch;
    branch.condition = TRY(in_.parse_expression());
    for (;;) {
      TRY(expect(Lexeme::Kind::block_end, "%}"));
      branch.body = TRY(parse_block());
      const bool is_else = branch.condition == nullptr;
      statement.branches.push_back(std::move(branch));
      if (in_.peek().kind != Lexeme::Kind::block_begin) return in_.error("endif is missing");
      in_.take();
      const std::string word = TRY(in_.expect_name());
      if (word == "endif") break;
      if (is_else || (word != "elif" && word != "else")) {
        return in_.error("'" + word + "' does not belong here; endif is missing");
      }
      branch = Branch{};
      if (word == "elif") branch.condition = TRY(in_.parse_expression());
    }
    TRY(expect(Lexeme::Kind::block_end, "%}"));
    return statement;
  }

  Result<Statement> parse_for() {
    Statement statement;
    statement.kind = Statement::Kind::loop;
    statement.names.push_back(TRY(in_.expect_name()));
    if (in_.accept_symbol(",")) statement.names.push_back(TRY(in_.expect_name()));
    if (!in_.accept_word("in")) return in_.error("'in' is missing in a for");
    statement.value = TRY(in_.parse_or());
    if (in_.accept_word("if")) statement.condition = TRY(in_.parse_expression());
    TRY(expect(Lexeme::Kind::block_end, "%}"));
    ++loops_;
    statement.body = TRY(parse_block());
    --loops_;
    if (in_.is_word("else", 1)) {
      in_.take();
      in_.take();
      TRY(expect(Lexeme::Kind::block_end, "%}"));
      statement.otherwise = TRY(parse_block());
    }
    if (in_.peek().kind != Lexeme::Kind::block_begin || !in_.is_word("endfor", 1)) {
      return in_.error("endfor is missing");
    }
    in_.take();
    in_.take();
    TRY(expect(Lexeme::Kind::block_end, "%}"));
    return statement;
  }

  // %} body {% END %}
  Status parse_body(const std::string& end, Statement& statement) {
    TRY(expect(Lexeme::Kind::block_end, "%}"));
    statement.body = TRY(parse_block());
    if (in_.peek().kind != Lexeme::Kind::block_begin || !in_.is_word(end, 1)) {
      return in_.error(end + " is missing");
    }
    in_.take();
    in_.take();
    return expect(Lexeme::Kind::block_end, "%}");
  }

  Result<Statement> parse_set() {
    Statement statement;
    statement.kind = Statement::Kind::assign;
    statement.names.push_back(TRY(in_.expect_name()));
    if (in_.accept_symbol(".")) {
      statement.is_attribute = true;
      statement.names.push_back(TRY(in_.expect_name()));
    }
    while (!statement.is_attribute && in_.accept_symbol(",")) {
      statement.names.push_back(TRY(in_.expect_name()));
    }
    if (!in_.is_symbol("=") && (statement.is_attribute || statement.names.size() == 1)) {
      statement.kind = Statement::Kind::capture;
      if (in_.accept_symbol("|")) statement.value = TRY(in_.parse_captured_filters());
      TRY(parse_body("endset", statement));
      return statement;
    }
    TRY(in_.expect_symbol("="));
    statement.value = TRY(in_.parse_expression());
    TRY(expect(Lexeme::Kind::block_end, "%}"));
    return statement;
  }

  Result<Statement> parse_macro() {
    Statement statement;
    statement.kind = Statement::Kind::macro;
    statement.names.push_back(TRY(in_.expect_name()));
    statement.parameters = TRY(in_.parse_arguments());
    for (Argument& parameter : statement.parameters) {
      if (!parameter.name.empty()) continue;
      if (!parameter.value || parameter.value->kind != Expression::Kind::name) {
        return in_.error("a macro's parameters are names");
      }
      parameter.name = parameter.value->text;
      parameter.value = nullptr;
    }
    // A loop around a macro is not a loop inside it.
    const int loops = std::exchange(loops_, 0);
    TRY(parse_body("endmacro", statement));
    loops_ = loops;
    return statement;
  }

  Result<std::vector<Argument>> parse_with() {
    std::vector<Argument> values;
    while (in_.peek().kind != Lexeme::Kind::block_end) {
      Argument value;
      value.name = TRY(in_.expect_name());
      TRY(in_.expect_symbol("="));
      value.value = TRY(in_.parse_expression());
      values.push_back(std::move(value));
      if (!in_.accept_symbol(",")) break;
    }
    return values;
  }

  Status expect(Lexeme::Kind kind, std::string_view name) {
    if (in_.peek().kind != kind) {
      return in_.error("'" + std::string(name) + "' is missing before '" + in_.peek().text + "'");
    }
    in_.take();
    return ok();
  }

  ExpressionParser in_;
  int depth_ = 0;
  int loops_ = 0;  // around the statement
};

}  // namespace

Result<Block> parse_template(std::string_view source) {
  std::vector<Lexeme> lexemes = TRY(tokenize_template(source));
  return StatementParser(std::move(lexemes)).run();
}

}  // namespace plinth::engine::templates
