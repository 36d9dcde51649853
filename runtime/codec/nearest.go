package codec

import (
	"math"
	"math/bits"
)

// The powers of ten that decimals of data have; others go through strconv.
const (
	leastPower = -45
	mostPower  = 23
)

// powers128 are the 128 leading bits of those powers, those of negative exponents rounded up.
var powers128 = [mostPower - leastPower + 1][2]uint64{
	{0xb6b00d69bb55c8d1, 0x3d607b97c5fd0d23}, // 1e-45
	{0xe45c10c42a2b3b05, 0x8cb89a7db77c506b}, // 1e-44
	{0x8eb98a7a9a5b04e3, 0x77f3608e92adb243}, // 1e-43
	{0xb267ed1940f1c61c, 0x55f038b237591ed4}, // 1e-42
	{0xdf01e85f912e37a3, 0x6b6c46dec52f6689}, // 1e-41
	{0x8b61313bbabce2c6, 0x2323ac4b3b3da016}, // 1e-40
	{0xae397d8aa96c1b77, 0xabec975e0a0d081b}, // 1e-39
	{0xd9c7dced53c72255, 0x96e7bd358c904a22}, // 1e-38
	{0x881cea14545c7575, 0x7e50d64177da2e55}, // 1e-37
	{0xaa242499697392d2, 0xdde50bd1d5d0b9ea}, // 1e-36
	{0xd4ad2dbfc3d07787, 0x955e4ec64b44e865}, // 1e-35
	{0x84ec3c97da624ab4, 0xbd5af13bef0b113f}, // 1e-34
	{0xa6274bbdd0fadd61, 0xecb1ad8aeacdd58f}, // 1e-33
	{0xcfb11ead453994ba, 0x67de18eda5814af3}, // 1e-32
	{0x81ceb32c4b43fcf4, 0x80eacf948770ced8}, // 1e-31
	{0xa2425ff75e14fc31, 0xa1258379a94d028e}, // 1e-30
	{0xcad2f7f5359a3b3e, 0x096ee45813a04331}, // 1e-29
	{0xfd87b5f28300ca0d, 0x8bca9d6e188853fd}, // 1e-28
	{0x9e74d1b791e07e48, 0x775ea264cf55347e}, // 1e-27
	{0xc612062576589dda, 0x95364afe032a819e}, // 1e-26
	{0xf79687aed3eec551, 0x3a83ddbd83f52205}, // 1e-25
	{0x9abe14cd44753b52, 0xc4926a9672793543}, // 1e-24
	{0xc16d9a0095928a27, 0x75b7053c0f178294}, // 1e-23
	{0xf1c90080baf72cb1, 0x5324c68b12dd6339}, // 1e-22
	{0x971da05074da7bee, 0xd3f6fc16ebca5e04}, // 1e-21
	{0xbce5086492111aea, 0x88f4bb1ca6bcf585}, // 1e-20
	{0xec1e4a7db69561a5, 0x2b31e9e3d06c32e6}, // 1e-19
	{0x9392ee8e921d5d07, 0x3aff322e62439fd0}, // 1e-18
	{0xb877aa3236a4b449, 0x09befeb9fad487c3}, // 1e-17
	{0xe69594bec44de15b, 0x4c2ebe687989a9b4}, // 1e-16
	{0x901d7cf73ab0acd9, 0x0f9d37014bf60a11}, // 1e-15
	{0xb424dc35095cd80f, 0x538484c19ef38c95}, // 1e-14
	{0xe12e13424bb40e13, 0x2865a5f206b06fba}, // 1e-13
	{0x8cbccc096f5088cb, 0xf93f87b7442e45d4}, // 1e-12
	{0xafebff0bcb24aafe, 0xf78f69a51539d749}, // 1e-11
	{0xdbe6fecebdedd5be, 0xb573440e5a884d1c}, // 1e-10
	{0x89705f4136b4a597, 0x31680a88f8953031}, // 1e-9
	{0xabcc77118461cefc, 0xfdc20d2b36ba7c3e}, // 1e-8
	{0xd6bf94d5e57a42bc, 0x3d32907604691b4d}, // 1e-7
	{0x8637bd05af6c69b5, 0xa63f9a49c2c1b110}, // 1e-6
	{0xa7c5ac471b478423, 0x0fcf80dc33721d54}, // 1e-5
	{0xd1b71758e219652b, 0xd3c36113404ea4a9}, // 1e-4
	{0x83126e978d4fdf3b, 0x645a1cac083126ea}, // 1e-3
	{0xa3d70a3d70a3d70a, 0x3d70a3d70a3d70a4}, // 1e-2
	{0xcccccccccccccccc, 0xcccccccccccccccd}, // 1e-1
	{0x8000000000000000, 0x0000000000000000}, // 1e0
	{0xa000000000000000, 0x0000000000000000}, // 1e1
	{0xc800000000000000, 0x0000000000000000}, // 1e2
	{0xfa00000000000000, 0x0000000000000000}, // 1e3
	{0x9c40000000000000, 0x0000000000000000}, // 1e4
	{0xc350000000000000, 0x0000000000000000}, // 1e5
	{0xf424000000000000, 0x0000000000000000}, // 1e6
	{0x9896800000000000, 0x0000000000000000}, // 1e7
	{0xbebc200000000000, 0x0000000000000000}, // 1e8
	{0xee6b280000000000, 0x0000000000000000}, // 1e9
	{0x9502f90000000000, 0x0000000000000000}, // 1e10
	{0xba43b74000000000, 0x0000000000000000}, // 1e11
	{0xe8d4a51000000000, 0x0000000000000000}, // 1e12
	{0x9184e72a00000000, 0x0000000000000000}, // 1e13
	{0xb5e620f480000000, 0x0000000000000000}, // 1e14
	{0xe35fa931a0000000, 0x0000000000000000}, // 1e15
	{0x8e1bc9bf04000000, 0x0000000000000000}, // 1e16
	{0xb1a2bc2ec5000000, 0x0000000000000000}, // 1e17
	{0xde0b6b3a76400000, 0x0000000000000000}, // 1e18
	{0x8ac7230489e80000, 0x0000000000000000}, // 1e19
	{0xad78ebc5ac620000, 0x0000000000000000}, // 1e20
	{0xd8d726b7177a8000, 0x0000000000000000}, // 1e21
	{0x878678326eac9000, 0x0000000000000000}, // 1e22
	{0xa968163f0a57b400, 0x0000000000000000}, // 1e23
}

// nearest returns the float64 nearest to mantissa × 10^exp by Lemire's method ("Number Parsing at a Gigabyte per Second", 2021): a product
// of 64 with 128 bits decides nearly always. Not ok says that it does not, or that the power is not in the table.
func nearest(mantissa uint64, exp int) (f float64, ok bool) {
	if exp < leastPower || exp > mostPower || mantissa == 0 {
		return 0, false
	}
	power := &powers128[exp-leastPower]
	zeros := bits.LeadingZeros64(mantissa)
	m := mantissa << zeros
	// 217706/65536 is log2(10), near enough for these exponents.
	exp2 := (217706*exp)>>16 + 64 + 1023 - zeros

	high, low := bits.Mul64(m, power[0])
	if high&0x1ff == 0x1ff && low+m < m {
		// The bits that decide the rounding are all ones: only the lower half of the power can tell.
		more, rest := bits.Mul64(m, power[1])
		sum, carry := bits.Add64(low, more, 0)
		high += carry
		if high&0x1ff == 0x1ff && sum == math.MaxUint64 && rest+m < m {
			return 0, false
		}
		low = sum
	}
	top := high >> 63
	rounded := high >> (top + 9)
	exp2 -= int(1 ^ top)
	if low == 0 && high&0x1ff == 0 && rounded&3 == 1 {
		return 0, false // exactly between two floats, as far as these bits know
	}
	rounded = (rounded + rounded&1) >> 1
	if rounded>>53 != 0 {
		rounded >>= 1
		exp2++
	}
	if exp2 < 1 || exp2 >= 0x7ff {
		return 0, false
	}
	return math.Float64frombits(uint64(exp2)<<52 | rounded&(1<<52-1)), true
}
