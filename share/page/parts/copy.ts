/** Things of this page to be copied. */
import { Copies } from "../../../core/page/copy.ts";
import { dom } from "../dom.ts";
import { announce } from "../frame.ts";

export const { copyButton, copyField } = new Copies(dom, announce);
