/** A link as a QR code. */
import { encode } from "uqr";
import { element, inLanguage, type Wording } from "../dom.ts";

const SVG = "http://www.w3.org/2000/svg";

/** The code, to be unfolded. It is drawn as elements, so that no picture has to be allowed. */
export function qrCode(label: Wording, text: string): HTMLElement {
  const { data, size } = encode(text, { border: 4 });
  const dots = data.flatMap((row, y) => row.map((dark, x) => dark ? `M${x} ${y}h1v1h-1z` : ""));
  const picture = svg("svg", { viewBox: `0 0 ${size} ${size}`, role: "img" });
  inLanguage((texts) => picture.setAttribute("aria-label", label(texts)));
  picture.append(
    svg("rect", { width: String(size), height: String(size), class: "light" }),
    svg("path", { d: dots.join(""), class: "dark" }),
  );
  return element("details", { class: "qr" }, element("summary", {}, label), picture);
}

function svg(tag: string, attributes: Readonly<Record<string, string>>): SVGElement {
  const made = document.createElementNS(SVG, tag) as SVGElement;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
