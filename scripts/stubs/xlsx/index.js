"use strict";
// danfojs-node asks a CDN for SheetJS; only its Excel functions use it. They fail here, and say why.
const absent = (name) => () => {
  throw new Error(`xlsx.${name}: Excel files are not supported in this project; use CSV or JSON`);
};
module.exports = { read: absent("read"), readFile: absent("readFile"), writeFile: absent("writeFile"), utils: {} };
