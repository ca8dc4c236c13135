/**
 * @file Loaded before tslab, which turns names of earlier cells into properties of `exports` and forgets those in `{ x }`:
 * the variable is then not found. Here `{ x }` becomes `{ x: exports.x }`, as tslab makes `x` into `exports.x` elsewhere. And in
 * `({ x: y }) => y` the property's name stays: tslab takes it for a variable where an earlier cell made the object.
 */
const Module = require("node:module");

const MARK = "if (!ts.isIdentifier(node)) {"; // the first test of tslab's wrapPrevIdentifier; stands in it alone
const MEND = `
        if (ts.isBindingElement(node) && node.propertyName) {
            const [name, byDefault] = [node.name, node.initializer].map((part) => ts.visitNode(part, wrapPrevIdentifier));
            return ts.factory.updateBindingElement(node, node.dotDotDotToken, node.propertyName, name, byDefault);
        }
        if (ts.isShorthandPropertyAssignment(node)) {
            const symbol = checker.getShorthandAssignmentValueSymbol(node);
            const isEarlier = symbol?.declarations?.some((declaration) => declaration.getSourceFile() === declsFile);
            if (!isEarlier) return ts.visitEachChild(node, wrapPrevIdentifier, nullTransformationContext);
            const { name, objectAssignmentInitializer: byDefault } = node;
            const variable = ts.factory.createPropertyAccessExpression(ts.factory.createIdentifier("exports"), name);
            return ts.factory.createPropertyAssignment(name, byDefault ? ts.factory.createAssignment(variable, ts.visitNode(byDefault, wrapPrevIdentifier)) : variable);
        }
        `;

const load = Module._extensions[".js"];
Module._extensions[".js"] = (module, filename) => {
  if (!/[/\\]tslab[/\\]dist[/\\]converter\.js$/.test(filename)) return load(module, filename);
  Module._extensions[".js"] = load;
  const compile = module._compile;
  module._compile = (text, ...rest) => {
    const parts = text.split(MARK);
    if (parts.length !== 2)
      throw new Error("tslab-shorthand: tslab has changed; see whether { x } still needs mending");
    return compile.call(module, parts.join(MEND + MARK), ...rest);
  };
  return load(module, filename);
};
