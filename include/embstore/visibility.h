// SPDX-License-Identifier: Apache-2.0
// What libembstore exports. Everything is built hidden, so a public function, or a public class
// with anything that is not inline, has to say EMBSTORE_API. For C and C++.
#pragma once

#if defined(__cplusplus)
#define EMBSTORE_API [[gnu::visibility("default")]]
#define EMBSTORE_HIDDEN [[gnu::visibility("hidden")]]  // Inside an exported class.
#elif defined(__GNUC__)
#define EMBSTORE_API __attribute__((visibility("default")))
#else
#define EMBSTORE_API
#endif
