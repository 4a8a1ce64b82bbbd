// SPDX-License-Identifier: Apache-2.0
// The official `ollama` npm client against a node with the starter model: OLLAMA_HOST, MODEL.
import assert from "node:assert/strict";
import { Ollama } from "ollama";

const model = process.env.MODEL;
const ollama = new Ollama({ host: process.env.OLLAMA_HOST });
const messages = [{ role: "user", content: "Say hello" }];
const options = { num_predict: 16, temperature: 0 };

const checks = {
  async models() {
    assert((await ollama.list()).models.some((card) => card.name === model));
    assert((await ollama.show({ model })).capabilities.includes("completion"));
    assert.equal((await ollama.ps()).models.length, 1);
    assert((await ollama.version()).version);
  },
  async chat_under_both_names() {
    for (const name of [model, `${model}:latest`]) {
      const reply = await ollama.chat({ model: name, messages, options });
      assert.equal(reply.model, name);
      assert(reply.done && reply.message.content.length > 0);
      for (const count of ["prompt_eval_count", "eval_count", "total_duration", "eval_duration"]) assert(reply[count] > 0, count);
    }
  },
  async chat_stream() {
    let text = "", last;
    for await (const part of await ollama.chat({ model, messages, options, stream: true })) {
      text += part.message.content;
      last = part;
    }
    assert(text.length > 0 && last.done && last.done_reason && last.eval_count > 0);
  },
  async chat_stop() {
    const reply = await ollama.chat({ model, messages, options: { ...options, stop: ["l"] } });
    assert.equal(reply.done_reason, "stop");
    assert(!reply.message.content.includes("l"));
  },
  async chat_format() {
    const format = { type: "object", properties: { city: { type: "string", maxLength: 8 } }, required: ["city"] };
    const reply = await ollama.chat({ model, messages, format, options: { num_predict: 64 } });
    assert.equal(typeof JSON.parse(reply.message.content).city, "string");
  },
  async chat_tools() {
    const parameters = { type: "object", properties: { path: { type: "string" } } };
    const tools = [{ type: "function", function: { name: "read_file", description: "reads a file", parameters } }];
    const question = { role: "user", content: "Read notes.txt" };
    const asked = (await ollama.chat({ model, messages: [question], tools, options: { ...options, num_predict: 64 } })).message;
    assert.equal(asked.tool_calls[0].function.name, "read_file");
    assert.equal(typeof asked.tool_calls[0].function.arguments.path, "string");
    const answer = { role: "tool", tool_name: "read_file", content: "a note" };
    assert((await ollama.chat({ model, messages: [question, asked, answer], tools, options })).done);
  },
  async generate() {
    assert((await ollama.generate({ model, prompt: "Say hello", options })).response.length > 0);
    assert.equal((await ollama.generate({ model, prompt: "" })).done_reason, "load");
  },
  async embeddings() {
    const both = await ollama.embed({ model: "plinth-lexical", input: ["a cat", "a dog"] });
    const one = await ollama.embeddings({ model: "plinth-lexical", prompt: "a cat" });
    assert.equal(both.embeddings.length, 2);
    assert.deepEqual(one.embedding, both.embeddings[0]);
  },
  async unknown_model() {
    await assert.rejects(ollama.chat({ model: "nope", messages }), (error) => error.status_code === 404 && error.message.includes("nope"));
  },
  async cancelled_stream() {
    const stream = await ollama.chat({ model, messages, stream: true, options: { num_predict: 4000 } });
    stream.abort();
    assert((await ollama.chat({ model, messages, options })).done);
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`PASS ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}: ${error.message}`);
  }
}
process.exit(failed ? 1 : 0);
