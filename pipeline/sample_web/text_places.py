"""Sentences about towns, rivers and companies that state no fact of the world."""

TOWN = (
    "The {building} stands [next to|opposite|just behind] the {building}, and [between them|in "
    "front of both] is a~ [small|wide|shady] square.",
    "{street} is [the longest street|a~ {look} street|the place] where [most of the shops are|the "
    "{vehicle} stops|children play after school].",
    "On {weekday} mornings the market fills with [baskets|voices|wagons] and the smell of {food}.",
    "The roofs are [steep|low|{colour}], the doors are [{colour}|narrow], and {flower} grow in "
    "front of [nearly every house|the {building}].",
    "A~ [stone|bronze|wooden] {animal} in front of the {building} is said to bring luck to "
    "[travellers|brides|school children].",
    "In {month} the [streets|windows] are [decorated with paper lanterns|hung with flags|full of "
    "{flower}] for the {season} festival.",
    "There are {small_number} inns, and [each|every one] claims to serve the best {food} [in the "
    "valley|for miles around].",
    "The {vehicle} [runs|goes] {small_number} times a day, [less often|hardly ever] on {weekday}.",
    "The town wall was [taken down|sold for its stones|turned into a path] long ago, but [one "
    "gate|a single tower|a stretch of it] is left.",
    "Fires [destroyed|damaged] the {building} more than once, and each time it was rebuilt [a "
    "little larger|in stone|in a different colour].",
    "The school has {small_number} classrooms and [a bell from the old church|a garden with {tree} "
    "trees|a cellar full of instruments].",
    "[Storks|Swallows] nest on the roof of the {building}, and [nobody|no mayor] would dare to "
    "disturb them.",
    "At night it is so quiet that [one hears the owls|the clock of the {building} can be heard "
    "everywhere|the dogs are bored].",
    "The {tree} tree on the square is [older than the {building}|so wide that a class can sit "
    "under it|the subject of many poems].",
    "Young people [complain|say] that nothing ever happens here, [but few of them leave|and they "
    "are nearly right].",
    "Rents are [low|fair], the [water|bread] is good, and [the neighbours are curious|strangers "
    "are greeted in the street].",
    "From the tower of the {building} one sees [fields|hills|orchards] as far as the "
    "[horizon|next valley].",
    "A~ [footpath|bridge|row of {tree} trees] leads from the {building} to the "
    "[meadows|cemetery|swimming place].",
    "The local paper appears [every {weekday}|twice a week], and [most of it|half of it] is about "
    "[lost cats|the weather|football].",
    "The [museum|library] keeps [a stuffed bear|an iron crown|the diary of a night "
    "watchman|{small_number} globes] that [visitors ask to see|children love].",
    "In the {season} the [narrow lanes|cellars] fill with water, and [planks are laid out|people "
    "go about in boots].",
    "Trade [was always|has always been] important, and the old [warehouses|scales|coins] still "
    "show it.",
    "The {building} was [painted|paid for|designed] by a~ {relative} of the last [abbot|count], "
    "or so they say.",
    "A~ {animal} is part of the [coat of arms|town song|old legend], though nobody knows why.",
    "In the [great hall|cellar] of the {building} there is a~ {furniture} that [no one may sit "
    "on|took {small_number} years to carve].",
    "The [people|women|children] wear {colour} scarves on the first {weekday} of {month}, an old "
    "custom.",
    "A good half of the houses were built of [oak|brick|clay|stone], the rest of whatever was at "
    "hand.",
    "[Newcomers|Visitors] are advised to try the {food} [before noon|while it is hot|at the "
    "corner of {street}].",
    "The fountain on {street} has run dry only once, [in a very hot {season}|and people still "
    "talk about it].",
    "There is a choir, a chess club and {small_number} societies for {hobby}.",
    "[Rain or shine|Every evening], the old men sit at the {building} and discuss [politics|their "
    "knees|the price of bread].",
    "The hills around are covered with {tree} woods, [good for walking|full of mushrooms|where "
    "{bird} nest].",
    "Some of the cellars are joined by [tunnels|narrow doors], which [smugglers|children|cats] "
    "knew how to use.",
    "The station clock is always {small_number} minutes slow, and [so are the trains|everyone is "
    "used to it].",
    "One can walk from one end to the other in [ten minutes|half an hour], longer if one stops to "
    "talk.",
)
RIVER = (
    "In its upper part it is [narrow|fast|cold] and [full of stones|hidden between {tree} trees], "
    "lower down it is [broad|slow|green].",
    "In {season} the meadows on both sides are often [under water|white with mist|full of {bird}].",
    "{small_number} ferries and a~ [few|handful of] bridges of {material} connect the banks.",
    "{bird} nest in the reeds, and [otters|foxes] have been seen [again|at dawn|near the old "
    "mill].",
    "The ice of [one hard|a very long] winter [carried away|crushed] a bridge, {small_number} "
    "boats and a~ {animal}.",
    "Rafts of {material} once came down [every {season}|in great numbers], steered by men with "
    "long poles.",
    "A footpath follows the left bank for most of the way, [shaded by {tree} trees|past gardens "
    "and small farms].",
    "Children build dams of [mud|branches] where the water is [shallow|warm], and [nobody "
    "minds|their {relative} calls them home at dusk].",
    "An old song tells of a~ [miller|bride|fiddler] who [vanished|sang|waited] at the ford.",
    "The water is [clear enough to see the ground|brown after rain|as cold as a cellar], even in "
    "{month}.",
    "Dredgers work near the {building} in [late|early] {month}, [when the water is low|and make a "
    "good deal of noise].",
    "After heavy rain it [rises|can rise] by a metre in a single {part_of_day}.",
    "The current has [undermined|shaped] the banks, and [willow roots|old walls] hang over the "
    "water.",
    "Painters [love|come for] the bend below the {building}, [above all in {season} light|where "
    "the poplars stand].",
    "[One can|Travellers may] hire a rowing boat at the landing stage and [drift|row] until the "
    "evening.",
    "Water wheels once turned along the side arms, [sawing timber|grinding grain|driving hammers] "
    "by day and by night.",
    "There are {small_number} islands, [most|all] of them [grown over with {tree} trees|flooded "
    "in spring].",
    "At the sluice a~ {colour} mark shows how high the great flood [came|rose].",
    "In very dry years [stepping stones|the remains of a bridge|an old wreck] come to light.",
    "Ducks, {bird} and now and then a swan share the quiet places.",
    "The sound of the weir can be heard [a long way off|in every bedroom nearby].",
    "Early in the {part_of_day} the fog lies on the water [like wool|so thick that the ferry "
    "waits].",
)
COMPANY = (
    "The [first|old] workshop was [a shed|a cellar|two rooms] behind the {building}, with [one "
    "lamp|a leaking roof|a borrowed {tool}].",
    "[Today|By now] {small_number} dozen people [work there|are employed], [some|many] of them in "
    "the third generation.",
    "Every [apprentice|beginner] starts by sweeping the floor and [ends|hopes to end] by [running "
    "a department|designing something new].",
    "In the {season} the firm gives a party with {food} and {drink}, to which the whole street is "
    "invited.",
    "[A fire|A flood|A strike] nearly ended it all, but [the neighbours helped|the bank was "
    "patient|the workers stayed].",
    "Orders come [by post|by telephone|from far away], and [each|every one] is entered in a~ "
    "{colour} book.",
    "The machines are [old|oiled every {weekday}|made of {material}], and [they will outlive us "
    "all|nobody dares to replace them].",
    "There is a canteen, where one can get {food} on {weekday}.",
    "The trademark, a~ {colour} {animal}, [was drawn by a~ {relative}|is known in every "
    "village|has hardly changed].",
    "[Complaints|Questions] are answered [within a week|by hand|by the oldest clerk], and "
    "[mistakes are made good|always politely].",
    "The yard smells of [glue|oil|fresh wood|hot metal], and [one gets used to it|visitors like "
    "it].",
    "The firm [sponsors|supports] the [school band|fire brigade|chess club] and once paid for a "
    "new roof on the {building}.",
    "Waste is [hardly known|frowned upon]: what is left over goes to [the school|the stove|a~ "
    "{relative} with clever hands].",
    "A museum in the attic shows [early pieces|failed experiments|{small_number} medals], open on "
    "{weekday} {part_of_day}.",
    "Wages are paid on {weekday}, [in full|with a printed slip|and never late].",
    "The delivery {vehicle} is painted {colour} and [can be heard from afar|is washed every "
    "{weekday}].",
    "[Competitors|Other makers] came and went, [some|most] of them [cheaper|louder], [none|few] "
    "of them better.",
    "Half of the [goods|pieces] go abroad, the other half stays in the region.",
    "It was a~ {relative} who had the idea of [giving a guarantee|printing a catalogue|opening a "
    "shop on {street}].",
    "The catalogue has {small_number} pages, [no photographs|fine drawings], and a~ "
    "[joke|proverb] on the last one.",
    "New ideas are pinned to a board in the {room}, and the best one wins a~ [ham|day off|clock].",
    "On the wall hangs a saying about {virtue}, [embroidered|painted] by a~ {relative}.",
    "In good years a second shift works until [nine|midnight], in bad years people [repair the "
    "roof|clean the windows].",
)

TOWN_MEETING = (
    "[Some|A few] words about {e} [may be useful|are in order|will not hurt].",
    "[The road|The next {vehicle}] [goes on|continues] to {e}.",
    "[Many|Most] roads [in this story|of those years] lead to {e}.",
    "[From there it is not far to|A day's walk away lies] {e}.",
    "[Then|Next|Later] comes {e}.",
    "[The|A] place one [hears of|thinks of] most is {e}.",
    "[Letters|Parcels] came from {e} as well.",
    "[It is worth|One should not miss] a stop in {e}.",
)
RIVER_MEETING = (
    "[One cannot speak of this place|None of this can be told] without the {e}.",
    "[And then|Finally] there is the {e}.",
    "[Close by|Down in the valley] [flows|runs] the {e}.",
    "[The landscape|The whole valley] belongs to the {e}.",
    "[Sooner or later every path|Each of these roads] meets the {e}.",
    "[Older maps|The schoolbooks] give much room to the {e}.",
)
COMPANY_MEETING = (
    "[Work|A living] was found at {e}.",
    "[Much|A good deal] depends on {e}.",
    "[The largest sign|The first thing one sees] at the station is that of {e}.",
    "[A firm everyone knows|One of the better known firms] is {e}.",
    "[Many|Several] families [owe|have owed] their bread to {e}.",
    "[The talk|Conversation] soon turned to {e}.",
    "[An advertisement|A calendar] from {e} hangs in the {room}.",
)
TOWN_PASSING = (
    "The {vehicle} to {e} was [late|cancelled|full], as usual.",
    "Of {e} [we saw only the station|nothing was to be seen in the fog].",
    "A~ [parcel|letter] for {e} had been left on the {furniture}.",
    "The road sign to {e} has been [missing|turned the wrong way] for years.",
    "Somebody had come all the way from {e} [on foot|with a~ {animal}].",
)
RIVER_PASSING = (
    "On the map hung the {e} too, [a thin blue line|half torn off].",
    "Nobody [talked|asked] about the {e}.",
    "The {e} is another matter and [belongs on another page|will be left out here].",
)
COMPANY_PASSING = (
    "A~ [van|cart] of {e} stood in the way.",
    "The [bill|letter] from {e} is still [unopened|unpaid].",
    "{e} had sent [flowers|a calendar|nobody].",
)
