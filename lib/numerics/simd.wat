;; The seven loops whose speed matters, with four (or two) numbers an instruction. Rows are updates, columns coordinates.
(module
  (memory (export "memory") 1)

  ;; Sorts every column from $row to $end (addresses in the first row, a multiple of 64 bytes apart) by a network of
  ;; compare-and-exchanges. From $pairs to $last stand pairs of row offsets in bytes: after a pair, the first holds the smaller.
  (func (export "sort") (param $row i32) (param $end i32) (param $pairs i32) (param $last i32)
    (local $pair i32) (local $a i32) (local $b i32) (local $x v128) (local $y v128)
    (loop $columns ;; 16 of them, so that a network's rows stay in the nearest cache
      (local.set $pair (local.get $pairs))
      (loop $exchange
        (local.set $a (i32.add (local.get $row) (i32.load (local.get $pair))))
        (local.set $b (i32.add (local.get $row) (i32.load offset=4 (local.get $pair))))
        (local.set $x (v128.load (local.get $a)))
        (local.set $y (v128.load (local.get $b)))
        (v128.store (local.get $a) (f32x4.pmin (local.get $x) (local.get $y)))
        (v128.store (local.get $b) (f32x4.pmax (local.get $x) (local.get $y)))
        (local.set $x (v128.load offset=16 (local.get $a)))
        (local.set $y (v128.load offset=16 (local.get $b)))
        (v128.store offset=16 (local.get $a) (f32x4.pmin (local.get $x) (local.get $y)))
        (v128.store offset=16 (local.get $b) (f32x4.pmax (local.get $x) (local.get $y)))
        (local.set $x (v128.load offset=32 (local.get $a)))
        (local.set $y (v128.load offset=32 (local.get $b)))
        (v128.store offset=32 (local.get $a) (f32x4.pmin (local.get $x) (local.get $y)))
        (v128.store offset=32 (local.get $b) (f32x4.pmax (local.get $x) (local.get $y)))
        (local.set $x (v128.load offset=48 (local.get $a)))
        (local.set $y (v128.load offset=48 (local.get $b)))
        (v128.store offset=48 (local.get $a) (f32x4.pmin (local.get $x) (local.get $y)))
        (v128.store offset=48 (local.get $b) (f32x4.pmax (local.get $x) (local.get $y)))
        (local.set $pair (i32.add (local.get $pair) (i32.const 8)))
        (br_if $exchange (i32.lt_u (local.get $pair) (local.get $last))))
      (local.set $row (i32.add (local.get $row) (i32.const 64)))
      (br_if $columns (i32.lt_u (local.get $row) (local.get $end)))))

  ;; Squared distances between all rows from address 0 to $rows: float32, $length bytes of them in steps of 16, $stride apart. Tiles of
  ;; two rows by four: rows 0 and 1 with 1 to 4, with 5 to 8, …, rows 2 and 3 with 3 to 6, … (a tile may end three rows after the
  ;; last). Differences, squares and four partial sums are float32; added in pairs, they are added to the two float64 that every pair of
  ;; rows has at $out, 16 bytes after those of the pair before, in a tile the four of its first row first. $sums is room for 128 bytes.
  (func (export "distances") (param $rows i32) (param $stride i32) (param $length i32) (param $sums i32) (param $out i32)
    (local $row i32) (local $with i32) (local $end i32) (local $at i32)
    (local $x i32) (local $x1 i32) (local $y i32) (local $y1 i32) (local $y2 i32) (local $y3 i32)
    (local $first v128) (local $second v128) (local $other v128) (local $gap v128)
    (local $sum0 v128) (local $sum1 v128) (local $sum2 v128) (local $sum3 v128)
    (local $sum4 v128) (local $sum5 v128) (local $sum6 v128) (local $sum7 v128)
    (loop $pairs
      (local.set $with (i32.add (local.get $row) (local.get $stride)))
      (local.set $end (i32.add (local.get $row) (local.get $length)))
      (loop $tiles
        (local.set $x (local.get $row))
        (local.set $x1 (i32.add (local.get $x) (local.get $stride)))
        (local.set $y (local.get $with))
        (local.set $y1 (i32.add (local.get $y) (local.get $stride)))
        (local.set $y2 (i32.add (local.get $y1) (local.get $stride)))
        (local.set $y3 (i32.add (local.get $y2) (local.get $stride)))
        (local.set $sum0 (v128.const i64x2 0 0))
        (local.set $sum1 (v128.const i64x2 0 0))
        (local.set $sum2 (v128.const i64x2 0 0))
        (local.set $sum3 (v128.const i64x2 0 0))
        (local.set $sum4 (v128.const i64x2 0 0))
        (local.set $sum5 (v128.const i64x2 0 0))
        (local.set $sum6 (v128.const i64x2 0 0))
        (local.set $sum7 (v128.const i64x2 0 0))
        (loop $columns
          (local.set $first (v128.load (local.get $x)))
          (local.set $second (v128.load (local.get $x1)))
          (local.set $other (v128.load (local.get $y)))
          (local.set $gap (f32x4.sub (local.get $first) (local.get $other)))
          (local.set $sum0 (f32x4.add (local.get $sum0) (f32x4.mul (local.get $gap) (local.get $gap))))
          (local.set $gap (f32x4.sub (local.get $second) (local.get $other)))
          (local.set $sum4 (f32x4.add (local.get $sum4) (f32x4.mul (local.get $gap) (local.get $gap))))
          (local.set $other (v128.load (local.get $y1)))
          (local.set $gap (f32x4.sub (local.get $first) (local.get $other)))
          (local.set $sum1 (f32x4.add (local.get $sum1) (f32x4.mul (local.get $gap) (local.get $gap))))
          (local.set $gap (f32x4.sub (local.get $second) (local.get $other)))
          (local.set $sum5 (f32x4.add (local.get $sum5) (f32x4.mul (local.get $gap) (local.get $gap))))
          (local.set $other (v128.load (local.get $y2)))
          (local.set $gap (f32x4.sub (local.get $first) (local.get $other)))
          (local.set $sum2 (f32x4.add (local.get $sum2) (f32x4.mul (local.get $gap) (local.get $gap))))
          (local.set $gap (f32x4.sub (local.get $second) (local.get $other)))
          (local.set $sum6 (f32x4.add (local.get $sum6) (f32x4.mul (local.get $gap) (local.get $gap))))
          (local.set $other (v128.load (local.get $y3)))
          (local.set $gap (f32x4.sub (local.get $first) (local.get $other)))
          (local.set $sum3 (f32x4.add (local.get $sum3) (f32x4.mul (local.get $gap) (local.get $gap))))
          (local.set $gap (f32x4.sub (local.get $second) (local.get $other)))
          (local.set $sum7 (f32x4.add (local.get $sum7) (f32x4.mul (local.get $gap) (local.get $gap))))
          (local.set $y (i32.add (local.get $y) (i32.const 16)))
          (local.set $y1 (i32.add (local.get $y1) (i32.const 16)))
          (local.set $y2 (i32.add (local.get $y2) (i32.const 16)))
          (local.set $y3 (i32.add (local.get $y3) (i32.const 16)))
          (local.set $x1 (i32.add (local.get $x1) (i32.const 16)))
          (local.set $x (i32.add (local.get $x) (i32.const 16)))
          (br_if $columns (i32.lt_u (local.get $x) (local.get $end))))
        (v128.store (local.get $sums) (local.get $sum0))
        (v128.store offset=16 (local.get $sums) (local.get $sum1))
        (v128.store offset=32 (local.get $sums) (local.get $sum2))
        (v128.store offset=48 (local.get $sums) (local.get $sum3))
        (v128.store offset=64 (local.get $sums) (local.get $sum4))
        (v128.store offset=80 (local.get $sums) (local.get $sum5))
        (v128.store offset=96 (local.get $sums) (local.get $sum6))
        (v128.store offset=112 (local.get $sums) (local.get $sum7))
        (local.set $at (i32.const 0))
        (loop $promote
          (v128.store (local.get $out)
            (f64x2.add
              (v128.load (local.get $out))
              (f64x2.add
                (f64x2.promote_low_f32x4 (v128.load64_zero (i32.add (local.get $sums) (local.get $at))))
                (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (i32.add (local.get $sums) (local.get $at)))))))
          (local.set $out (i32.add (local.get $out) (i32.const 16)))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br_if $promote (i32.lt_u (local.get $at) (i32.const 128))))
        (local.set $with (i32.add (local.get $with) (i32.shl (local.get $stride) (i32.const 2))))
        (br_if $tiles (i32.lt_u (local.get $with) (local.get $rows))))
      (local.set $row (i32.add (local.get $row) (i32.shl (local.get $stride) (i32.const 1))))
      (br_if $pairs (i32.lt_u (i32.add (local.get $row) (local.get $stride)) (local.get $rows)))))

  ;; Inner products of all rows, as `distances`, but that a tile of rows 0 and 1 begins with row 0: every row with itself, too. A tile
  ;; may end three rows after the last.
  (func (export "products") (param $rows i32) (param $stride i32) (param $length i32) (param $sums i32) (param $out i32)
    (local $row i32) (local $with i32) (local $end i32) (local $at i32)
    (local $x i32) (local $x1 i32) (local $y i32) (local $y1 i32) (local $y2 i32) (local $y3 i32)
    (local $first v128) (local $second v128) (local $other v128)
    (local $sum0 v128) (local $sum1 v128) (local $sum2 v128) (local $sum3 v128)
    (local $sum4 v128) (local $sum5 v128) (local $sum6 v128) (local $sum7 v128)
    (loop $pairs
      (local.set $with (local.get $row))
      (local.set $end (i32.add (local.get $row) (local.get $length)))
      (loop $tiles
        (local.set $x (local.get $row))
        (local.set $x1 (i32.add (local.get $x) (local.get $stride)))
        (local.set $y (local.get $with))
        (local.set $y1 (i32.add (local.get $y) (local.get $stride)))
        (local.set $y2 (i32.add (local.get $y1) (local.get $stride)))
        (local.set $y3 (i32.add (local.get $y2) (local.get $stride)))
        (local.set $sum0 (v128.const i64x2 0 0))
        (local.set $sum1 (v128.const i64x2 0 0))
        (local.set $sum2 (v128.const i64x2 0 0))
        (local.set $sum3 (v128.const i64x2 0 0))
        (local.set $sum4 (v128.const i64x2 0 0))
        (local.set $sum5 (v128.const i64x2 0 0))
        (local.set $sum6 (v128.const i64x2 0 0))
        (local.set $sum7 (v128.const i64x2 0 0))
        (loop $columns
          (local.set $first (v128.load (local.get $x)))
          (local.set $second (v128.load (local.get $x1)))
          (local.set $other (v128.load (local.get $y)))
          (local.set $sum0 (f32x4.add (local.get $sum0) (f32x4.mul (local.get $first) (local.get $other))))
          (local.set $sum4 (f32x4.add (local.get $sum4) (f32x4.mul (local.get $second) (local.get $other))))
          (local.set $other (v128.load (local.get $y1)))
          (local.set $sum1 (f32x4.add (local.get $sum1) (f32x4.mul (local.get $first) (local.get $other))))
          (local.set $sum5 (f32x4.add (local.get $sum5) (f32x4.mul (local.get $second) (local.get $other))))
          (local.set $other (v128.load (local.get $y2)))
          (local.set $sum2 (f32x4.add (local.get $sum2) (f32x4.mul (local.get $first) (local.get $other))))
          (local.set $sum6 (f32x4.add (local.get $sum6) (f32x4.mul (local.get $second) (local.get $other))))
          (local.set $other (v128.load (local.get $y3)))
          (local.set $sum3 (f32x4.add (local.get $sum3) (f32x4.mul (local.get $first) (local.get $other))))
          (local.set $sum7 (f32x4.add (local.get $sum7) (f32x4.mul (local.get $second) (local.get $other))))
          (local.set $y (i32.add (local.get $y) (i32.const 16)))
          (local.set $y1 (i32.add (local.get $y1) (i32.const 16)))
          (local.set $y2 (i32.add (local.get $y2) (i32.const 16)))
          (local.set $y3 (i32.add (local.get $y3) (i32.const 16)))
          (local.set $x1 (i32.add (local.get $x1) (i32.const 16)))
          (local.set $x (i32.add (local.get $x) (i32.const 16)))
          (br_if $columns (i32.lt_u (local.get $x) (local.get $end))))
        (v128.store (local.get $sums) (local.get $sum0))
        (v128.store offset=16 (local.get $sums) (local.get $sum1))
        (v128.store offset=32 (local.get $sums) (local.get $sum2))
        (v128.store offset=48 (local.get $sums) (local.get $sum3))
        (v128.store offset=64 (local.get $sums) (local.get $sum4))
        (v128.store offset=80 (local.get $sums) (local.get $sum5))
        (v128.store offset=96 (local.get $sums) (local.get $sum6))
        (v128.store offset=112 (local.get $sums) (local.get $sum7))
        (local.set $at (i32.const 0))
        (loop $promote
          (v128.store (local.get $out)
            (f64x2.add
              (v128.load (local.get $out))
              (f64x2.add
                (f64x2.promote_low_f32x4 (v128.load64_zero (i32.add (local.get $sums) (local.get $at))))
                (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (i32.add (local.get $sums) (local.get $at)))))))
          (local.set $out (i32.add (local.get $out) (i32.const 16)))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br_if $promote (i32.lt_u (local.get $at) (i32.const 128))))
        (local.set $with (i32.add (local.get $with) (i32.shl (local.get $stride) (i32.const 2))))
        (br_if $tiles (i32.lt_u (local.get $with) (local.get $rows))))
      (local.set $row (i32.add (local.get $row) (i32.shl (local.get $stride) (i32.const 1))))
      (br_if $pairs (i32.lt_u (local.get $row) (local.get $rows)))))

  ;; Weighted sums of the columns from $row to $end (addresses in the first row, in steps of 32 bytes) over rows of float32 that lie
  ;; $stride apart, one for each float64 weight from $weights to $last, times $scale: in float64, rounded at last to the float32
  ;; that are written from $out on.
  (func (export "combine")
    (param $row i32) (param $end i32) (param $stride i32) (param $weights i32) (param $last i32) (param $scale f64) (param $out i32)
    (local $at i32) (local $next i32) (local $weight v128) (local $by v128)
    (local $sum0 v128) (local $sum1 v128) (local $sum2 v128) (local $sum3 v128)
    (local.set $by (f64x2.splat (local.get $scale)))
    (loop $columns ;; 8 of them
      (local.set $at (local.get $row))
      (local.set $next (local.get $weights))
      (local.set $sum0 (v128.const i64x2 0 0))
      (local.set $sum1 (v128.const i64x2 0 0))
      (local.set $sum2 (v128.const i64x2 0 0))
      (local.set $sum3 (v128.const i64x2 0 0))
      (loop $rows
        (local.set $weight (v128.load64_splat (local.get $next)))
        (local.set $sum0
          (f64x2.add (local.get $sum0) (f64x2.mul (local.get $weight) (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $at))))))
        (local.set $sum1
          (f64x2.add (local.get $sum1) (f64x2.mul (local.get $weight) (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (local.get $at))))))
        (local.set $sum2
          (f64x2.add (local.get $sum2) (f64x2.mul (local.get $weight) (f64x2.promote_low_f32x4 (v128.load64_zero offset=16 (local.get $at))))))
        (local.set $sum3
          (f64x2.add (local.get $sum3) (f64x2.mul (local.get $weight) (f64x2.promote_low_f32x4 (v128.load64_zero offset=24 (local.get $at))))))
        (local.set $at (i32.add (local.get $at) (local.get $stride)))
        (local.set $next (i32.add (local.get $next) (i32.const 8)))
        (br_if $rows (i32.lt_u (local.get $next) (local.get $last))))
      (v128.store64_lane 0
        (local.get $out) (f32x4.demote_f64x2_zero (f64x2.mul (local.get $sum0) (local.get $by))))
      (v128.store64_lane offset=8 0
        (local.get $out) (f32x4.demote_f64x2_zero (f64x2.mul (local.get $sum1) (local.get $by))))
      (v128.store64_lane offset=16 0
        (local.get $out) (f32x4.demote_f64x2_zero (f64x2.mul (local.get $sum2) (local.get $by))))
      (v128.store64_lane offset=24 0
        (local.get $out) (f32x4.demote_f64x2_zero (f64x2.mul (local.get $sum3) (local.get $by))))
      (local.set $out (i32.add (local.get $out) (i32.const 32)))
      (local.set $row (i32.add (local.get $row) (i32.const 32)))
      (br_if $columns (i32.lt_u (local.get $row) (local.get $end)))))

  ;; Multiplies the row of float32 from $x to $end, in steps of 32 bytes, by $factor: in float64, rounded to float32.
  (func (export "scale") (param $x i32) (param $end i32) (param $factor f64)
    (local $by v128)
    (local.set $by (f64x2.splat (local.get $factor)))
    (loop $columns ;; 8 of them
      (v128.store64_lane 0
        (local.get $x) (f32x4.demote_f64x2_zero (f64x2.mul (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $x))) (local.get $by))))
      (v128.store64_lane offset=8 0
        (local.get $x) (f32x4.demote_f64x2_zero (f64x2.mul (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (local.get $x))) (local.get $by))))
      (v128.store64_lane offset=16 0
        (local.get $x) (f32x4.demote_f64x2_zero (f64x2.mul (f64x2.promote_low_f32x4 (v128.load64_zero offset=16 (local.get $x))) (local.get $by))))
      (v128.store64_lane offset=24 0
        (local.get $x) (f32x4.demote_f64x2_zero (f64x2.mul (f64x2.promote_low_f32x4 (v128.load64_zero offset=24 (local.get $x))) (local.get $by))))
      (local.set $x (i32.add (local.get $x) (i32.const 32)))
      (br_if $columns (i32.lt_u (local.get $x) (local.get $end)))))

  ;; The squared length of the row of float32 from $x to $end, in steps of 32 bytes: eight partial sums in float64, written to $out.
  (func (export "length") (param $x i32) (param $end i32) (param $out i32)
    (local $value v128) (local $sum0 v128) (local $sum1 v128) (local $sum2 v128) (local $sum3 v128)
    (loop $columns ;; 8 of them
      (local.set $value (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $x))))
      (local.set $sum0 (f64x2.add (local.get $sum0) (f64x2.mul (local.get $value) (local.get $value))))
      (local.set $value (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (local.get $x))))
      (local.set $sum1 (f64x2.add (local.get $sum1) (f64x2.mul (local.get $value) (local.get $value))))
      (local.set $value (f64x2.promote_low_f32x4 (v128.load64_zero offset=16 (local.get $x))))
      (local.set $sum2 (f64x2.add (local.get $sum2) (f64x2.mul (local.get $value) (local.get $value))))
      (local.set $value (f64x2.promote_low_f32x4 (v128.load64_zero offset=24 (local.get $x))))
      (local.set $sum3 (f64x2.add (local.get $sum3) (f64x2.mul (local.get $value) (local.get $value))))
      (local.set $x (i32.add (local.get $x) (i32.const 32)))
      (br_if $columns (i32.lt_u (local.get $x) (local.get $end))))
    (v128.store (local.get $out) (local.get $sum0))
    (v128.store offset=16 (local.get $out) (local.get $sum1))
    (v128.store offset=32 (local.get $out) (local.get $sum2))
    (v128.store offset=48 (local.get $out) (local.get $sum3)))

  ;; The squared distance of the row from $x to $end from the row at $origin, as `length`.
  (func (export "distance") (param $x i32) (param $end i32) (param $origin i32) (param $out i32)
    (local $gap v128) (local $sum0 v128) (local $sum1 v128) (local $sum2 v128) (local $sum3 v128)
    (loop $columns ;; 8 of them
      (local.set $gap
        (f64x2.sub
          (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $x)))
          (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $origin)))))
      (local.set $sum0 (f64x2.add (local.get $sum0) (f64x2.mul (local.get $gap) (local.get $gap))))
      (local.set $gap
        (f64x2.sub
          (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (local.get $x)))
          (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (local.get $origin)))))
      (local.set $sum1 (f64x2.add (local.get $sum1) (f64x2.mul (local.get $gap) (local.get $gap))))
      (local.set $gap
        (f64x2.sub
          (f64x2.promote_low_f32x4 (v128.load64_zero offset=16 (local.get $x)))
          (f64x2.promote_low_f32x4 (v128.load64_zero offset=16 (local.get $origin)))))
      (local.set $sum2 (f64x2.add (local.get $sum2) (f64x2.mul (local.get $gap) (local.get $gap))))
      (local.set $gap
        (f64x2.sub
          (f64x2.promote_low_f32x4 (v128.load64_zero offset=24 (local.get $x)))
          (f64x2.promote_low_f32x4 (v128.load64_zero offset=24 (local.get $origin)))))
      (local.set $sum3 (f64x2.add (local.get $sum3) (f64x2.mul (local.get $gap) (local.get $gap))))
      (local.set $origin (i32.add (local.get $origin) (i32.const 32)))
      (local.set $x (i32.add (local.get $x) (i32.const 32)))
      (br_if $columns (i32.lt_u (local.get $x) (local.get $end))))
    (v128.store (local.get $out) (local.get $sum0))
    (v128.store offset=16 (local.get $out) (local.get $sum1))
    (v128.store offset=32 (local.get $out) (local.get $sum2))
    (v128.store offset=48 (local.get $out) (local.get $sum3))))
