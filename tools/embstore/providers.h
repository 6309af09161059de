// SPDX-License-Identifier: Apache-2.0
// Providers from the configuration and the keys in the environment.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "embstore/config.h"
#include "embstore/provider.h"
#include "embstore/record.h"
#include "embstore/status.h"

namespace embstore::tool {

inline constexpr std::string_view kGemini = "gemini";
inline constexpr std::string_view kOpenAi = "openai";
inline constexpr std::string_view kLocal = "local";

enum class Purpose {
  kEmbed,  ///< Needs a key.
  kPlan,   ///< Sends nothing, so needs none.
};

/// Takes the keys out of the environment, for MakeProvider and for good: other processes can look
/// into it. True: there was one.
bool TakeKeys();

/// A duration as the configuration writes it.
std::chrono::milliseconds Milliseconds(double seconds);

/// The configured provider. kPermissionDenied: no key in the environment.
Result<std::unique_ptr<Provider>> MakeProvider(const Config& config, Purpose purpose);

/// The provider that `space.provider` names, for the vectors of `space`. `base_url` wins over the
/// configuration's address, which counts only for the configuration's provider.
Result<std::unique_ptr<Provider>> MakeProviderOf(const SpaceRecord& space, Config config,
                                                 const std::optional<std::string>& base_url,
                                                 Purpose purpose);

/// The model that a provider has when none is named.
std::string DefaultModel(std::string_view provider);

/// The prices of the provider's model; none, with a warning, when the table has none.
ModelPrice PriceOf(const Config& config, const Provider& provider, std::string* warning);

/// What tokens of the space cost by the prices of the configuration, in its mode. Nothing: no price
/// is known.
std::optional<Price> PriceToEmbed(const Config& config, const SpaceRecord& space);
/// The same for `tokens` of them.
std::optional<Money> CostToEmbed(const Config& config, const SpaceRecord& space,
                                 std::uint64_t tokens);

}  // namespace embstore::tool
