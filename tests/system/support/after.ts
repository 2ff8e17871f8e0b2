// After each file of tests: what its tests have shared is ended and leaves nothing behind.
import { afterAll } from "vitest";
import { endSharedPostgres } from "./servers.ts";

afterAll(endSharedPostgres);
