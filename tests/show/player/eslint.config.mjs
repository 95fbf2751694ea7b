import js from "@eslint/js";

const browser = ["document", "globalThis", "addEventListener", "setInterval", "clearInterval", "ResizeObserver"];
const node = ["process", "URL"];

export default [
  js.configs.recommended,
  { languageOptions: { globals: Object.fromEntries([...browser, ...node].map((name) => [name, "readonly"])) } },
];
