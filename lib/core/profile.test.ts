import assert from "node:assert/strict";
import test from "node:test";
import { byProfile, currentProfile, isForced } from "./profile";

test("currentProfile: reads the environment, quick when it says nothing", () => {
  assert.equal(currentProfile({}), "quick");
  assert.equal(currentProfile({ CURIOUS_PROFILE: "" }), "quick");
  for (const profile of ["smoke", "quick", "paper"])
    assert.equal(currentProfile({ CURIOUS_PROFILE: profile }), profile);
});

test("currentProfile: refuses another word, another case", () => {
  for (const wrong of ["fast", "Paper", "quick "]) {
    const message = { message: `currentProfile: needs CURIOUS_PROFILE smoke, quick or paper, got ${wrong}` };
    assert.throws(() => currentProfile({ CURIOUS_PROFILE: wrong }), message);
  }
});

test("isForced: 1 forces, 0 and nothing do not, another word is refused", () => {
  assert.deepEqual([{}, { CURIOUS_FORCE: "0" }, { CURIOUS_FORCE: "1" }].map(isForced), [false, false, true]);
  assert.throws(() => isForced({ CURIOUS_FORCE: "yes" }), { message: "isForced: needs CURIOUS_FORCE 0 or 1, got yes" });
});

test("byProfile: picks the value of the profile", () => {
  const values = { smoke: 1, quick: 3, paper: 30 };
  assert.deepEqual([byProfile(values, "smoke"), byProfile(values, "quick"), byProfile(values, "paper")], [1, 3, 30]);
});

test("CURIOUS_PROFILE, CURIOUS_FORCE: blanks and garbage are refused", () => {
  for (const value of [" ", "garbage", "Quick", "01", "constructor"]) {
    assert.throws(() => currentProfile({ CURIOUS_PROFILE: value }), { name: "InputError" });
    assert.throws(() => isForced({ CURIOUS_FORCE: value }), { name: "InputError" });
  }
});
