/**
 * Property tests take the same cases in every run, so that a commit is not judged by chance. To look for others:
 * FAST_CHECK_SEED=$RANDOM npm test
 */
import fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env["FAST_CHECK_SEED"] ?? 20_261_126) });
