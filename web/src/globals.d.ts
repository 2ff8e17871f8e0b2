/** Origin of the engine without a slash at its end; "" when the page comes from the engine itself. Set at build time. */
declare const __ENGINE_URL__: string;
