// Compile Chainlink's Operator: node compile_operator.cjs PACKAGE_SRC OUT. Prints nothing; fails loudly.
const fs = require("fs");
const path = require("path");
const solc = require("solc");

const [source, out] = process.argv.slice(2);
const entry = "v0.8/operatorforwarder/Operator.sol";
const vendored = path.dirname(require.resolve("@openzeppelin/contracts/package.json"));

function read(name) {
  const file = name.startsWith("@openzeppelin/contracts@4.8.3/")
    ? path.join(vendored, name.slice("@openzeppelin/contracts@4.8.3/".length))
    : path.join(source, name);
  return fs.existsSync(file) ? { contents: fs.readFileSync(file, "utf8") } : { error: `no ${file}` };
}

const input = {
  language: "Solidity",
  sources: { [entry]: { content: read(entry).contents } },
  settings: {
    optimizer: { enabled: true, runs: 1000000 },
    evmVersion: "paris",
    outputSelection: { "*": { Operator: ["abi", "evm.bytecode.object"] } },
  },
};
const output = JSON.parse(solc.compile(JSON.stringify(input), { import: read }));
const failures = (output.errors || []).filter((problem) => problem.severity === "error");
if (failures.length) throw new Error(failures.map((problem) => problem.formattedMessage).join("\n"));
const { abi, evm } = output.contracts[entry].Operator;
fs.writeFileSync(out, JSON.stringify({ abi, bytecode: "0x" + evm.bytecode.object }));
