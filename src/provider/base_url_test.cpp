#include "provider/base_url.hpp"

#include <gtest/gtest.h>

namespace throughline::provider {
namespace {

TEST(openai_url, understands_what_people_write) {
  const auto chat = [](std::string_view base) {
    return openai_url(base, "/chat/completions");
  };
  for (const auto* const base :
       {"http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/", "http://h:1/v1//",
        "http://h:1/v1/chat/completions", " http://h:1/v1/chat/completions/ \n"}) {
    EXPECT_EQ(chat(base), "http://h:1/v1/chat/completions") << base;
  }
  EXPECT_EQ(chat("https://openrouter.ai/api/v1"), "https://openrouter.ai/api/v1/chat/completions");
  EXPECT_EQ(chat("https://g.com/v1beta/openai/"), "https://g.com/v1beta/openai/chat/completions");
  EXPECT_EQ(chat("https://a.com/openai/v1?api-version=1"),
            "https://a.com/openai/v1/chat/completions?api-version=1");
  EXPECT_EQ(chat("localhost:11434/v1"), "http://localhost:11434/v1/chat/completions");
  EXPECT_EQ(chat("127.0.0.1:80"), "http://127.0.0.1:80/v1/chat/completions");
  EXPECT_EQ(chat("api.openai.com/v1"), "https://api.openai.com/v1/chat/completions");
  EXPECT_EQ(openai_url("http://h/v1/", "/models"), "http://h/v1/models");
}

TEST(anthropic_url, understands_what_people_write) {
  for (const auto* const base :
       {"https://api.anthropic.com", "https://api.anthropic.com/", "https://api.anthropic.com/v1",
        "https://api.anthropic.com/v1/", "https://api.anthropic.com/v1/messages"}) {
    EXPECT_EQ(anthropic_url(base, "/messages"), "https://api.anthropic.com/v1/messages") << base;
  }
  EXPECT_EQ(anthropic_url("https://x.com/anthropic", "/messages"),
            "https://x.com/anthropic/v1/messages");
}

}  // namespace
}  // namespace throughline::provider
