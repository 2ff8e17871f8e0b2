import { createContext } from "react";

/** Whether messages come and go while the reader scrolls: then what is not read is drawn a moment later. */
export const LongListContext = createContext(false);
