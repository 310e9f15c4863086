"""A shop: four services, and the workflow that takes an order through them."""

from dataclasses import dataclass
from decimal import Decimal

from pavane import Fail, Service, TaskContext, gather, workflow

inventory, payment = Service("inventory"), Service("payment")
shipping, notifications = Service("shipping"), Service("notifications")


@dataclass(frozen=True)
class Order:
    id: str
    customer: str
    item: str
    quantity: int
    card: str
    country: str


@dataclass(frozen=True)
class Reservation:
    id: str
    total: Decimal


@dataclass(frozen=True)
class Payment:
    id: str
    status: str  # "paid" or "declined"


@dataclass(frozen=True)
class Parcel:
    id: str
    carrier: str


@dataclass(frozen=True)
class Invoice:
    number: str


@dataclass(frozen=True)
class Receipt:
    parcel: str
    invoice: str


# --- inventory ----------------------------------------------------------------------------------

PRICES = {
    "lute": Decimal("640.00"),
    "recorder": Decimal("38.50"),
    "shawm": Decimal("410.00"),
    "tabor": Decimal("95.00"),
    "harpsichord": Decimal("18500.00"),
}
SOLD_OUT = {"harpsichord"}


@inventory.task
async def release_stock(order: Order, reserved: Reservation) -> None:
    """Put back what was set aside. An undo gets the step's inputs, then its result."""


@inventory.task(undo=release_stock, retries=3, timeout="10s")
async def reserve_stock(order: Order) -> Reservation:
    """Set the goods aside. `Fail` is final: trying again will not fill the shelf."""
    if order.item in SOLD_OUT:
        raise Fail(f"{order.item} is sold out")
    return Reservation(id=f"R-{order.id}", total=PRICES[order.item] * order.quantity)


# --- payment ------------------------------------------------------------------------------------

DECLINED_CARD = "4000-0000-0000-0002"
SLOW_BANK = "5200"  # cards that begin so belong to a bank that drops the first refund request


@payment.task
async def refund_payment(
    ctx: TaskContext, order: Order, amount: Decimal, paid: Payment | None
) -> None:
    """Give the money back. Some banks need to be asked twice: an undo is retried like any task."""
    if paid and paid.status == "declined":
        return  # nothing was taken; None: nobody knows, so ask the bank by the order's id
    if order.card.startswith(SLOW_BANK) and ctx.attempt == 1:
        raise ConnectionError("the bank closed the connection")


@payment.task(undo=refund_payment)
async def charge_card(order: Order, amount: Decimal) -> Payment:
    """Take the money. A declined card is an answer, not an error: the workflow decides."""
    if order.card == DECLINED_CARD:
        return Payment(id="", status="declined")
    return Payment(id=f"P-{order.id}", status="paid")


# --- shipping -----------------------------------------------------------------------------------

CARRIERS = {"CH": "Alpenpost", "FR": "Coursier", "IT": "Corriere", "NO": "Fjordfrakt"}
STORMY = {"Fjordfrakt"}  # answers at the third attempt


@shipping.task
async def recall_parcel(order: Order, parcel: Parcel) -> None:
    """Ask the carrier to bring the parcel back."""


@shipping.task(undo=recall_parcel, retries=5)
async def ship(ctx: TaskContext, order: Order) -> Parcel:
    """Hand the goods to the carrier of the country. Any exception but `Fail` is tried again."""
    if order.country not in CARRIERS:
        raise Fail(f"no carrier goes to {order.country}")
    carrier = CARRIERS[order.country]
    if carrier in STORMY and ctx.attempt < 3:
        raise ConnectionError(f"{carrier} does not answer")
    return Parcel(id=f"S-{order.id}", carrier=carrier)


# --- notifications ------------------------------------------------------------------------------


@notifications.task
def void_invoice(order: Order, paid: Payment, invoice: Invoice) -> None:
    """Send a credit note for the invoice."""


@notifications.task(undo=void_invoice)
def send_invoice(order: Order, paid: Payment) -> Invoice:
    """Mail the invoice. A plain function works as well: it runs in a thread."""
    return Invoice(number=f"I-{order.id}")


# --- the process --------------------------------------------------------------------------------


@workflow
async def fulfil_order(order: Order) -> Receipt:
    """Reserve, charge, then ship and invoice side by side."""
    reserved = await reserve_stock(order)
    paid = await charge_card(order, reserved.total)
    if paid.status == "declined":
        raise Fail("card declined")  # what was done is undone, in reverse order
    parcel, invoice = await gather(ship(order), send_invoice(order, paid))
    return Receipt(parcel=parcel.id, invoice=invoice.number)
