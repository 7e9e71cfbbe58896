const EUROPE = new Set(["AT", "BE", "DE", "ES", "FR", "IT", "NL", "PL"]);

type Extra = { tier: "new" | "regular" | "gold"; region: string; deliveryDays: number };

export async function main(country: string, ordersBefore: number, total: number): Promise<Extra> {
  const region = EUROPE.has(country) ? "EU" : "world";
  const tier = ordersBefore === 0 ? "new" : ordersBefore >= 10 || total >= 500 ? "gold" : "regular";
  console.log(`tier ${tier}, region ${region}`);
  return { tier, region, deliveryDays: (region === "EU" ? 3 : 9) - (tier === "gold" ? 1 : 0) };
}
